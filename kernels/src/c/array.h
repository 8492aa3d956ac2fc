/* Arrays as the loops see them, whoever they belong to. */
#ifndef SOFTMAX_XP_KERNELS_ARRAY_H
#define SOFTMAX_XP_KERNELS_ARRAY_H

#include "kernels.h"

enum { MAX_DIMS = 64 };

typedef struct {
    char *p;     /* NULL: absent */
    int reduced; /* whether it has length 1 along the axis */
    size_t element;
    ptrdiff_t strides[MAX_DIMS]; /* 0 along the axis for an operand of length 1 there */
} Array;

typedef struct {
    Op op;
    Storage storage;
    const Engine *engine;
    int ndim, axis;
    size_t shape[MAX_DIMS]; /* that of X */
    Array arrays[OPERANDS];
} Task;

/* The number of elements of X and of those that a result has, whichever is larger. */
size_t task_size(const Task *task);

/* Whether a result has memory in common with another operand, and which two these are. A result that is
   X or G, entry for entry, is none of them: each entry is read before it is written. */
int task_overlaps(const Task *task, int *result, int *other);

/* 0, or -1 where there is no memory. */
int task_run(Task *task);

#endif

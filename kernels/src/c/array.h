/* Arrays as the loops see them, whoever they belong to. */
#ifndef SOFTMAX_XP_KERNELS_ARRAY_H
#define SOFTMAX_XP_KERNELS_ARRAY_H

#include "kernels.h"

enum { MAX_DIMS = 64 };

typedef struct {
    char *p; /* NULL: absent */
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

/* 0, or -1 where there is no memory. */
int task_run(Task *task);

#endif

/* What the Python side, the loops over an array and the engines for one type share. */
#ifndef SOFTMAX_XP_KERNELS_H
#define SOFTMAX_XP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    SOFTMAX,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX_VJP,
    LOG_SOFTMAX_VJP,
    LOGSUMEXP_VJP,
    LABEL_NLL,
    LABEL_NLL_GRAD,
    OPS
} Op;

/* X is the first operand of each operation: logits, p or log_p. */
typedef enum { X, OUT, KEEP, G, LABELS, SCALE, LOSS, OPERANDS } Operand;

typedef enum { NATIVE, HALF, BRAIN } Storage;

/* Rows at equal distances. Strides are in bytes, and 0 for an operand that is absent. */
typedef struct {
    Storage storage;              /* of X, OUT and a G of full shape */
    int masked;                   /* whether KEEP is there */
    int aligned[OPERANDS];        /* whether all elements lie at multiples of their size */
    size_t n;                     /* the length of a row */
    ptrdiff_t along[OPERANDS];    /* from an entry of a row to the next */
    size_t count;                 /* the number of rows */
    ptrdiff_t across[OPERANDS];   /* from a row to the next */
    void *work;                   /* NULL, or memory of as many bytes as the engine asks for */
} Rows;

/* Both do all rows; they differ in what is contiguous. at[]: the first entry of each operand. */
typedef void (*Kernel)(const Rows *rows, char *const at[OPERANDS]);

typedef struct {
    Kernel by_row[OPS];
    Kernel by_column[OPS];
    size_t (*row_work_size)(const Rows *rows); /* 0: none */
    size_t (*column_work_size)(const Rows *rows);
} Engine;

extern const Engine float32_portable, float64_portable;
/* GCC cannot align vectors of 256 bits on the stack of Windows. */
#if defined(__x86_64__) && defined(__GNUC__) && (!defined(_WIN32) || defined(__clang__))
#define HAVE_X86_VARIANTS 1
extern const Engine float32_avx2, float64_avx2, float32_avx512, float64_avx512;
#endif

#endif

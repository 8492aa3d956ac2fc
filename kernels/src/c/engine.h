/* One engine: everything for one type and one instruction set. Before it is included: BITS (32 or 64),
   SIMD (the width of vectors, 0 for none) and ENGINE (its name), and the target of the compiler. */

#include "simd.h"
#include "sums.h"
#include "exponential.h"
#include "transfer.h"
#include "measure.h"
#include "rows.h"
#include "derivatives.h"
#include "labels.h"
#include "columns.h"
#include "measure_columns.h"
#include "results_columns.h"

#define EACH(name) \
    static void name##_rows(const Rows *rows, char *const at[OPERANDS]) \
    { \
        char *here[OPERANDS]; \
        memcpy(here, at, sizeof here); \
        for (size_t i = 0; i < rows->count; i++) { \
            name##_row(rows, here); \
            for (size_t k = 0; k < OPERANDS; k++) \
                here[k] += rows->across[k]; \
        } \
    } \
    static void name##_columns(const Rows *rows, char *const at[OPERANDS]) \
    { \
        Tile tile = tile_in(rows); \
        memcpy(tile.at, at, sizeof tile.at); \
        for (size_t i = 0; i < rows->count; i += tile.count) { \
            set_width(&tile, rows->count - i); \
            name##_tile(&tile); \
            for (size_t k = 0; k < OPERANDS; k++) \
                tile.at[k] += (ptrdiff_t)tile.count * rows->across[k]; \
        } \
    }

EACH(softmax)
EACH(log_softmax)
EACH(logsumexp)
EACH(softmax_vjp)
EACH(log_softmax_vjp)
EACH(logsumexp_vjp)
EACH(label_nll)
EACH(label_nll_grad)

const Engine ENGINE = {
    {softmax_rows, log_softmax_rows, logsumexp_rows, softmax_vjp_rows, log_softmax_vjp_rows, logsumexp_vjp_rows,
     label_nll_rows, label_nll_grad_rows},
    {softmax_columns, log_softmax_columns, logsumexp_columns, softmax_vjp_columns, log_softmax_vjp_columns,
     logsumexp_vjp_columns, label_nll_columns, label_nll_grad_columns},
    work_size,
};

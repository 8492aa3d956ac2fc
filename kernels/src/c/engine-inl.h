/* One engine: everything for one type and one instruction set. Before it is included: BITS (32 or 64),
   SIMD (the width of vectors, 0 for none) and ENGINE (its name), and the target of the compiler.
   Files named -inl.h are its parts: they depend on these, and on the parts before them. */

#include "simd-inl.h"
#include "loops-inl.h"
#include "error_free-inl.h"
#include "sums-inl.h"
#include "exponential-inl.h"
#include "transfer-inl.h"
#include "measure-inl.h"
#include "rows-inl.h"
#include "derivatives-inl.h"
#include "labels-inl.h"
#include "columns-inl.h"
#include "measure_columns-inl.h"
#include "results_columns-inl.h"

#define EACH_ROW(name) \
    static void name##_rows(const Rows *rows, char *const at[OPERANDS]) \
    { \
        char *here[OPERANDS]; \
        memcpy(here, at, sizeof here); \
        for (size_t i = 0; i < rows->count; i++, move(rows, here, 1)) \
            name##_row(rows, here); \
    }

#define EACH_MEASURED_ROW(name) \
    static void name##_rows(const Rows *rows, char *const at[OPERANDS]) \
    { \
        all_rows(rows, at, name##_result); \
    }

#define EACH_TILE(name) \
    static void name##_columns(const Rows *rows, char *const at[OPERANDS]) \
    { \
        Tile tile = tile_in(rows); \
        memcpy(tile.at, at, sizeof tile.at); \
        for (size_t i = 0; i < rows->count; i += tile.count, move(rows, tile.at, tile.count)) { \
            set_width(&tile, rows->count - i); \
            name##_tile(&tile); \
        } \
    }

EACH_ROW(softmax)
EACH_MEASURED_ROW(log_softmax)
EACH_MEASURED_ROW(logsumexp)
EACH_ROW(softmax_vjp)
EACH_ROW(log_softmax_vjp)
EACH_ROW(logsumexp_vjp)
EACH_MEASURED_ROW(label_nll)
EACH_MEASURED_ROW(label_nll_grad)
EACH_TILE(softmax)
EACH_TILE(log_softmax)
EACH_TILE(logsumexp)
EACH_TILE(softmax_vjp)
EACH_TILE(log_softmax_vjp)
EACH_TILE(logsumexp_vjp)
EACH_TILE(label_nll)
EACH_TILE(label_nll_grad)

const Engine ENGINE = {
    {softmax_rows, log_softmax_rows, logsumexp_rows, softmax_vjp_rows, log_softmax_vjp_rows, logsumexp_vjp_rows,
     label_nll_rows, label_nll_grad_rows},
    {softmax_columns, log_softmax_columns, logsumexp_columns, softmax_vjp_columns, log_softmax_vjp_columns,
     logsumexp_vjp_columns, label_nll_columns, label_nll_grad_columns},
    row_work_size,
    column_work_size,
};

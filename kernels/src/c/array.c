/* The loops over the rows of an array: which layout, and in which order. */

#include "array.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t length;
    ptrdiff_t strides[OPERANDS];
} Dim;

static size_t magnitude(ptrdiff_t stride)
{
    return stride < 0 ? (size_t)0 - (size_t)stride : (size_t)stride;
}

static Dim dim_of(const Task *task, int d)
{
    Dim dim;
    dim.length = task->shape[d];
    for (int k = 0; k < OPERANDS; k++)
        dim.strides[k] = task->arrays[k].p ? task->arrays[k].strides[d] : 0;
    return dim;
}

/* Whether two dimensions are one in every operand. */
static int can_merge(const Dim *outer, const Dim *inner)
{
    for (int k = 0; k < OPERANDS; k++)
        if (outer->strides[k] != inner->strides[k] * (ptrdiff_t)inner->length)
            return 0;
    return 1;
}

/* The dimensions other than the axis, in the order of the strides of X, merged where possible. */
static int batch_dims(const Task *task, Dim *dims)
{
    int n = 0;
    for (int d = 0; d < task->ndim; d++) {
        if (d == task->axis || task->shape[d] == 1)
            continue;
        const Dim dim = dim_of(task, d);
        int i = n++;
        for (; i > 0 && magnitude(dims[i - 1].strides[X]) < magnitude(dim.strides[X]); i--)
            dims[i] = dims[i - 1];
        dims[i] = dim;
    }
    int last = 0;
    for (int i = 1; i < n; i++) {
        if (can_merge(&dims[last], &dims[i])) {
            dims[i].length *= dims[last].length;
            dims[last] = dims[i];
        } else {
            dims[++last] = dims[i];
        }
    }
    return n ? last + 1 : 0;
}

/* Whether neighbours in memory belong to different rows. A dimension of length 1 counts, so that a
   slice is computed as the whole is. */
static int is_by_column(const Task *task)
{
    const ptrdiff_t *strides = task->arrays[X].strides;
    const size_t along = magnitude(strides[task->axis]);
    for (int d = 0; d < task->ndim; d++)
        if (d != task->axis && strides[d] != 0 && magnitude(strides[d]) < along)
            return 1;
    return 0;
}

static int is_aligned(const Task *task, const Array *array)
{
    size_t all = (size_t)(uintptr_t)array->p;
    for (int d = 0; d < task->ndim; d++)
        all |= magnitude(array->strides[d]);
    return all % array->element == 0;
}

static void run_all(Kernel kernel, const Rows *rows, const Dim *outer, int n, char *const at[])
{
    char *here[OPERANDS];
    size_t index[MAX_DIMS] = {0};
    memcpy(here, at, sizeof here);
    for (;;) {
        kernel(rows, here);
        int d = n - 1;
        for (; d >= 0; d--) {
            const int ends = ++index[d] == outer[d].length;
            const ptrdiff_t steps = ends ? -(ptrdiff_t)(outer[d].length - 1) : 1;
            for (int k = 0; k < OPERANDS; k++)
                here[k] += steps * outer[d].strides[k];
            if (!ends)
                break;
            index[d] = 0;
        }
        if (d < 0)
            return;
    }
}

size_t task_size(const Task *task)
{
    size_t batch = 1;
    for (int d = 0; d < task->ndim; d++)
        batch *= d == task->axis ? 1 : task->shape[d];
    return batch * (task->shape[task->axis] ? task->shape[task->axis] : 1);
}

int task_run(Task *task)
{
    Dim dims[MAX_DIMS];
    char *at[OPERANDS];
    const int ndim = batch_dims(task, dims);
    for (int i = 0; i < ndim; i++)
        if (dims[i].length == 0)
            return 0;
    Rows rows = {.storage = task->storage, .masked = task->arrays[KEEP].p != NULL, .count = 1};
    rows.n = task->shape[task->axis];
    for (int k = 0; k < OPERANDS; k++) {
        const Array *array = &task->arrays[k];
        at[k] = array->p ? array->p : (char *)task; /* moved by strides of 0, and never read */
        if (!array->p)
            continue;
        rows.aligned[k] = is_aligned(task, array);
        rows.along[k] = array->strides[task->axis];
        rows.across[k] = ndim ? dims[ndim - 1].strides[k] : 0;
    }
    if (ndim)
        rows.count = dims[ndim - 1].length;
    const Engine *engine = task->engine;
    const int by_column = is_by_column(task);
    const Kernel kernel = by_column ? engine->by_column[task->op] : engine->by_row[task->op];
    const size_t work = by_column ? engine->column_work_size(&rows) : engine->row_work_size(&rows);
    if (work && !(rows.work = malloc(work)))
        return -1;
    run_all(kernel, &rows, dims, ndim ? ndim - 1 : 0, at);
    free(rows.work);
    return 0;
}

/* Whether a result is written where another operand is read. */

#include "array.h"

/* From the lowest byte of an operand on, as many as it spans. */
typedef struct {
    uintptr_t low;
    size_t size;
} Extent;

static size_t length_of(const Task *task, const Array *a, int d)
{
    return a->reduced && d == task->axis ? 1 : task->shape[d];
}

/* 0 where there is no step. */
static size_t step_of(const Task *task, const Array *a, int d)
{
    const ptrdiff_t stride = a->strides[d];
    if (length_of(task, a, d) < 2)
        return 0;
    return stride < 0 ? (size_t)0 - (size_t)stride : (size_t)stride;
}

/* Without the dimensions that go in steps of a period, if there is one. */
static Extent extent_of(const Task *task, const Array *a, size_t period)
{
    Extent e = {(uintptr_t)a->p, a->element};
    for (int d = 0; d < task->ndim; d++) {
        const size_t length = length_of(task, a, d), step = step_of(task, a, d);
        if (length == 0)
            return (Extent){0, 0};
        if (step == 0 || (period && step % period == 0))
            continue;
        const size_t bytes = step * (length - 1);
        e.low -= a->strides[d] < 0 ? bytes : 0;
        e.size += bytes;
    }
    return e;
}

/* Whether two operands lie in different places of each period: fields of records, columns of a table. */
static int apart_in(const Task *task, const Array *a, const Array *b, size_t period)
{
    const Extent e = extent_of(task, a, period), f = extent_of(task, b, period);
    if (e.size > period || f.size > period)
        return 0;
    const size_t away = e.low < f.low ? (f.low - e.low) % period : (period - (e.low - f.low) % period) % period;
    return away >= e.size && period - away >= f.size;
}

static int are_apart(const Task *task, const Array *a, const Array *b)
{
    for (int d = 0; d < task->ndim; d++) {
        const size_t s = step_of(task, a, d), t = step_of(task, b, d);
        if ((s && apart_in(task, a, b, s)) || (t && apart_in(task, a, b, t)))
            return 1;
    }
    return 0;
}

static int are_same(const Task *task, const Array *a, const Array *b)
{
    for (int d = 0; d < task->ndim; d++) {
        const size_t length = length_of(task, a, d);
        if (length != length_of(task, b, d) || (length > 1 && a->strides[d] != b->strides[d]))
            return 0;
    }
    return a->p == b->p;
}

int task_overlaps(const Task *task, int *result, int *other)
{
    Extent extents[OPERANDS];
    int present[OPERANDS], count = 0;
    for (int k = 0; k < OPERANDS; k++)
        if (task->arrays[k].p) {
            extents[k] = extent_of(task, &task->arrays[k], 0);
            present[count++] = k;
        }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            const int r = present[i], k = present[j];
            const Extent e = extents[r], f = extents[k];
            if ((r != OUT && r != LOSS) || r == k || e.low >= f.low + f.size || f.low >= e.low + e.size)
                continue;
            const Array *a = &task->arrays[r], *b = &task->arrays[k];
            if ((r == OUT && (k == X || k == G) && are_same(task, a, b)) || are_apart(task, a, b))
                continue;
            *result = r;
            *other = k;
            return 1;
        }
    return 0;
}

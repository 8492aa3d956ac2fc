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
        const size_t step = step_of(task, a, d);
        if (step == 0 || (period && step % period == 0))
            continue;
        const size_t bytes = step * (length_of(task, a, d) - 1);
        e.low -= a->strides[d] < 0 ? bytes : 0;
        e.size += bytes;
    }
    return e;
}

static int is_nowhere(const Task *task, const Array *a)
{
    for (int d = 0; a->p && d < task->ndim; d++)
        if (length_of(task, a, d) == 0)
            return 1;
    return !a->p;
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
    if (is_nowhere(task, a) || is_nowhere(task, b))
        return 1;
    const Extent e = extent_of(task, a, 0), f = extent_of(task, b, 0);
    if (e.low >= f.low + f.size || f.low >= e.low + e.size)
        return 1;
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
    static const int results[] = {OUT, LOSS};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < OPERANDS; k++) {
            const Array *a = &task->arrays[results[i]], *b = &task->arrays[k];
            if (a == b || are_apart(task, a, b))
                continue;
            if (results[i] == OUT && (k == X || k == G) && are_same(task, a, b))
                continue;
            *result = results[i];
            *other = k;
            return 1;
        }
    return 0;
}

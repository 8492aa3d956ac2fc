/* Rows that lie side by side: lane j of a vector belongs to row j. The array is read once along its
   memory for the measures of a tile of rows, and once more for the result. */

/* Rows are many numbers apart in memory: a few at a time, and all columns that a tile can have. */
enum { BAND = 4, COLUMNS = 16384 / sizeof(T) };

/* Of a tile; each pointer has an element per vector of columns. */
typedef struct {
    const Rows *rows;
    char *at[OPERANDS]; /* the first column */
    size_t count;       /* columns */
    size_t groups;      /* vectors of columns */
    V *m, *base, *n;    /* as in Measure */
    V *first;           /* the maximum of the first band */
    Sums *sums, *logs;
    V *total, *inverse, *factor;
    T *x, *g, *out;  /* bands */
    Target *targets; /* one for each column */
} Tile;

typedef struct {
    T *p;
    ptrdiff_t step;
} Band;

static size_t tile_columns(const Rows *rows)
{
    const size_t columns = LEAST(rows->count, COLUMNS);
    return (columns + LANES - 1) / LANES * LANES;
}

static size_t column_work_size(const Rows *rows)
{
    const size_t columns = tile_columns(rows), groups = columns / LANES;
    return groups * (7 * sizeof(V) + 2 * sizeof(Sums)) + columns * (3 * BAND * sizeof(T) + sizeof(Target)) + 64;
}

static Tile tile_in(const Rows *rows)
{
    const size_t columns = tile_columns(rows), groups = columns / LANES;
    Tile t = {.rows = rows};
    char *work = (char *)(((uintptr_t)rows->work + 63) / 64 * 64);
    V **const vectors[] = {&t.m, &t.base, &t.n, &t.first, &t.total, &t.inverse, &t.factor};
    T **const bands[] = {&t.x, &t.g, &t.out};
    /* What needs the widest alignment comes first: without vectors there is no other width for all. */
    t.sums = (Sums *)(void *)work;
    t.logs = t.sums + groups;
    work += 2 * groups * sizeof(Sums);
    t.targets = (Target *)(void *)work;
    work += columns * sizeof(Target);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++, work += groups * sizeof(V))
        *vectors[i] = (V *)(void *)work;
    for (size_t i = 0; i < sizeof bands / sizeof *bands; i++, work += BAND * columns * sizeof(T))
        *bands[i] = (T *)(void *)work;
    return t;
}

/* Columns that fill no vector are a tile of their own, so that the others need not be copied. */
static void set_width(Tile *t, size_t left)
{
    const size_t width = LEAST(left, COLUMNS);
    t->count = width > LANES ? width - width % LANES : width;
    t->groups = (t->count + LANES - 1) / LANES;
}

static int is_direct(const Tile *t, Operand operand, int masked)
{
    const Rows *rows = t->rows;
    return rows->aligned[operand] && rows->storage == NATIVE && t->count % LANES == 0 &&
           rows->across[operand] == sizeof(T) && !(masked && rows->masked);
}

/* Entries from `start` on of all columns. */
static Band fetch_band(const Tile *t, Operand operand, size_t start, size_t size, T fill, T *scratch)
{
    const Rows *rows = t->rows;
    const char *p = t->at[operand] + (ptrdiff_t)start * rows->along[operand];
    if (is_direct(t, operand, 1))
        return (Band){(T *)(uintptr_t)p, rows->along[operand] / (ptrdiff_t)sizeof(T)};
    const size_t width = t->groups * LANES;
    const char *keep = rows->masked ? t->at[KEEP] + (ptrdiff_t)start * rows->along[KEEP] : NULL;
    for (size_t i = 0; i < size; i++) {
        T *to = scratch + i * width;
        read_any(p + (ptrdiff_t)i * rows->along[operand], rows->across[operand], rows->storage, t->count, to);
        if (keep)
            fill_masked(to, keep + (ptrdiff_t)i * rows->along[KEEP], rows->across[KEEP], t->count, fill);
        for (size_t j = t->count; j < width; j++)
            to[j] = 0;
    }
    return (Band){scratch, (ptrdiff_t)width};
}

static Band band_room(const Tile *t, size_t start, int masked)
{
    const Rows *rows = t->rows;
    if (is_direct(t, OUT, masked))
        return (Band){(T *)(void *)(t->at[OUT] + (ptrdiff_t)start * rows->along[OUT]),
                      rows->along[OUT] / (ptrdiff_t)sizeof(T)};
    return (Band){t->out, (ptrdiff_t)(t->groups * LANES)};
}

static void put_band(const Tile *t, size_t start, size_t size, int masked, T fill)
{
    const Rows *rows = t->rows;
    if (is_direct(t, OUT, masked))
        return;
    for (size_t i = 0; i < size; i++) {
        T *from = t->out + i * t->groups * LANES;
        const ptrdiff_t entry = (ptrdiff_t)(start + i);
        if (masked && rows->masked)
            fill_masked(from, t->at[KEEP] + entry * rows->along[KEEP], rows->across[KEEP], t->count, fill);
        write_any(from, rows->storage, t->count, t->at[OUT] + entry * rows->along[OUT], rows->across[OUT]);
    }
}


/* What loops over vectors and over blocks have in common. */

#define LEAST(a, b) ((a) < (b) ? (a) : (b))

/* Does what follows for each vector of the entries from `start` to n, and once more for those at the end
   that fill none. In there VECTOR(p) is that part of an array p, with `fill` behind its end, and
   SET_VECTOR(p, v) writes it. The text stands twice in the program, because a loop that asked each time
   whether the vector is full would be slower. */
#define EACH_VECTOR(start, n, fill, ...) \
    do { \
        const T fill_ = (fill); \
        const size_t n_ = (n); \
        size_t at_ = (start); \
        for (; at_ + LANES <= n_; at_ += LANES) { \
            enum { FULL_ = 1 }; \
            __VA_ARGS__; \
        } \
        if (at_ < n_) { \
            enum { FULL_ = 0 }; \
            __VA_ARGS__; \
        } \
    } while (0)
#define VECTOR(p) (FULL_ ? load((p) + at_) : load_part((p) + at_, n_ - at_, fill_))
#define SET_VECTOR(p, v) (FULL_ ? store((p) + at_, (v)) : store_part((p) + at_, (v), n_ - at_))

/* The compression of BLAKE3 over B3_WIDTH blocks side by side, one in each lane of a vector.
 *
 * _blake3.h includes this once for each width that a processor has registers for, after it has defined
 * B3_WIDTH (1, 4, 8 or 16), B3_NAME (the function that comes out) and B3_CPU (what its compiler is to
 * assume of the processor). The sixteen words of a state are as many vectors: wider ones than the
 * processor's own would not stay in its registers.
 */
#define B3_PASTE(name, width) name##_##width
#define B3_OF(name, width) B3_PASTE(name, width)
#define B3_VECTOR B3_OF(Lanes, B3_WIDTH)
#define B3_LOAD B3_OF(load_blocks, B3_WIDTH)
#if B3_WIDTH > 1
typedef uint32_t B3_VECTOR __attribute__((vector_size(4 * B3_WIDTH)));
#else
typedef uint32_t B3_VECTOR;
#endif

/* What moves numbers between and within vectors, where the compiler has it. */
#undef B3_SHUFFLES
#if B3_WIDTH > 1 && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define B3_SHUFFLES
#endif
#endif

/* AVX2 has no rotation, but moves bytes in one step. */
#if B3_WIDTH == 8 && defined(B3_SHUFFLES)
typedef uint8_t Bytes_8 __attribute__((vector_size(4 * B3_WIDTH)));
#define B3_WORD(f, i) f(i, 0), f(i, 1), f(i, 2), f(i, 3)
#define B3_MOVED(x, f)                                                                       \
    ((B3_VECTOR)__builtin_shufflevector(                                                     \
        (Bytes_8)(x), (Bytes_8)(x), B3_WORD(f, 0), B3_WORD(f, 4), B3_WORD(f, 8),             \
        B3_WORD(f, 12), B3_WORD(f, 16), B3_WORD(f, 20), B3_WORD(f, 24), B3_WORD(f, 28)))
#define B3_FROM_16(word, byte) (word) + ((byte) + 2) % 4
#define B3_FROM_8(word, byte) (word) + ((byte) + 1) % 4
#undef B3_ROTATE_16
#undef B3_ROTATE_8
#define B3_ROTATE_16(x) B3_MOVED(x, B3_FROM_16)
#define B3_ROTATE_8(x) B3_MOVED(x, B3_FROM_8)
#endif

/* Puts the words of the blocks into the lanes: m[i] gets word i of each. */
static INLINE void B3_LOAD(B3_VECTOR m[16], const uint8_t *const blocks[B3_WIDTH]) {
#ifdef B3_SHUFFLES
    /* As many words as there are lanes at a time, in steps of exchanging halves: of 1, 2, 4 and 8
     * numbers. In each, rows i and i + step become the lower and the upper of the pairs they make. */
#if B3_WIDTH == 4
#define B3_EACH(f, s) f(0, s), f(1, s), f(2, s), f(3, s)
#elif B3_WIDTH == 8
#define B3_EACH(f, s)                                                                        \
    f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s)
#else
#define B3_EACH(f, s)                                                                        \
    f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s), f(8, s),         \
        f(9, s), f(10, s), f(11, s), f(12, s), f(13, s), f(14, s), f(15, s)
#endif
#define B3_LOWER(i, step) ((i) & (step) ? B3_WIDTH + (i) - (step) : (i))
#define B3_UPPER(i, step) ((i) & (step) ? B3_WIDTH + (i) : (i) + (step))
#define B3_STEP(to, from, step)                                                              \
    for (int i = 0; i < B3_WIDTH; i++)                                                       \
        if (!(i & step)) {                                                                   \
            to[i] = __builtin_shufflevector(from[i], from[i + step], B3_EACH(B3_LOWER, step)); \
            to[i + step] =                                                                   \
                __builtin_shufflevector(from[i], from[i + step], B3_EACH(B3_UPPER, step));   \
        }
    for (int words = 0; words < 16; words += B3_WIDTH) {
        B3_VECTOR r[B3_WIDTH], s[B3_WIDTH], *to = m + words;
        for (int i = 0; i < B3_WIDTH; i++)
            memcpy(&r[i], blocks[i] + 4 * words, sizeof r[i]);
        B3_STEP(s, r, 1)
#if B3_WIDTH == 4
        B3_STEP(to, s, 2)
#else
        B3_STEP(r, s, 2)
#if B3_WIDTH == 8
        B3_STEP(to, r, 4)
#else
        B3_STEP(s, r, 4)
        B3_STEP(to, s, 8)
#endif
#endif
    }
#undef B3_EACH
#undef B3_LOWER
#undef B3_UPPER
#undef B3_STEP
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 16; i++)
        m[i] = m[i] << 24 | (m[i] & 0xFF00u) << 8 | (m[i] >> 8 & 0xFF00u) | m[i] >> 24;
#endif
#else
    for (int i = 0; i < 16; i++) {
        uint32_t words[B3_WIDTH];
        for (int lane = 0; lane < B3_WIDTH; lane++)
            words[lane] = read32(blocks[lane] + 4 * i);
        memcpy(&m[i], words, sizeof m[i]);
    }
#endif
}

/* Hashes one job in each lane: `blocks` blocks, chunks or (with one block) parents. The next jobs lie
 * behind these in most cases: no processor sees on its own that so many streams go on there. */
B3_CPU static void B3_NAME(const Job jobs[B3_WIDTH], size_t blocks, uint32_t first,
                           uint32_t last) {
    B3_VECTOR h[8], counter_low, counter_high, root;
    uint32_t low[B3_WIDTH], high[B3_WIDTH], roots[B3_WIDTH];
    for (int lane = 0; lane < B3_WIDTH; lane++) {
        low[lane] = (uint32_t)jobs[lane].counter;
        high[lane] = (uint32_t)(jobs[lane].counter >> 32);
        roots[lane] = jobs[lane].root;
    }
    memcpy(&counter_low, low, sizeof low);
    memcpy(&counter_high, high, sizeof high);
    memcpy(&root, roots, sizeof roots);
    const B3_VECTOR zero = counter_low ^ counter_low;
    for (int i = 0; i < 8; i++)
        h[i] = zero + BLAKE3_IV[i];
    for (size_t block = 0; block < blocks; block++) {
        const uint8_t *at[B3_WIDTH];
        B3_VECTOR m[16], v[16];
        for (int lane = 0; lane < B3_WIDTH; lane++) {
            at[lane] = jobs[lane].bytes + BLAKE3_BLOCK * block;
            FETCH_AHEAD(at[lane], B3_WIDTH * BLAKE3_CHUNK);
        }
        B3_LOAD(m, at);
        for (int i = 0; i < 8; i++) {
            v[i] = h[i];
            v[i + 8] = zero + BLAKE3_IV[i];
        }
        v[12] = counter_low;
        v[13] = counter_high;
        v[14] = zero + BLAKE3_BLOCK;
        uint32_t here = block == 0 ? first : 0;
        v[15] = block == blocks - 1 ? root | (zero + (here | last)) : zero + here;
        B3_COMPRESS
    }
    for (int i = 0; i < 8; i++) {
        uint32_t words[B3_WIDTH];
        memcpy(words, &h[i], sizeof words);
        for (int lane = 0; lane < B3_WIDTH; lane++)
            write_value(jobs[lane].value, i, words[lane]);
    }
}

#if B3_WIDTH == 8 && defined(B3_SHUFFLES)
#undef B3_ROTATE_16
#undef B3_ROTATE_8
#undef B3_FROM_16
#undef B3_FROM_8
#undef B3_MOVED
#undef B3_WORD
#define B3_ROTATE_16(x) B3_ROTATE(x, 16)
#define B3_ROTATE_8(x) B3_ROTATE(x, 8)
#endif
#undef B3_PASTE
#undef B3_OF
#undef B3_VECTOR
#undef B3_LOAD
#undef B3_WIDTH
#undef B3_NAME
#undef B3_CPU

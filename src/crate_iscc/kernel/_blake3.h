/* BLAKE3 of many small files that lie in one stretch of memory, and of parts of a long stream.
 *
 * The blake3 package is as fast as can be on one large stream. A file of a few KiB is too short for
 * its vectors, and costs a Python object. Here the chunks of all files are hashed side by side, one
 * in each lane of a vector, then the parents of all files, level by level.
 *
 * The BLAKE3 paper (github.com/BLAKE3-team/BLAKE3-specs), section 2: a file is cut into chunks of
 * 1024 bytes, a chunk into blocks of 64; the chaining values of the chunks are the leaves of a
 * binary tree, in which a left subtree is complete and as large as possible. Pairing neighbours
 * level by level, with the odd one left over for the next level, makes that tree.
 */
#include <stdint.h>
#include <string.h>

#define BLAKE3_SIZE 32
#define BLAKE3_CHUNK 1024
#define BLAKE3_BLOCK 64

/* Section 2.2, table 3: flags. */
enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

/* Section 2.2, table 1: the initial chaining value. */
static const uint32_t BLAKE3_IV[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

/* Section 2.2, table 2, applied again and again: which word of the block each round takes where. */
static const uint8_t BLAKE3_WORDS[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

#define B3_ROTATE(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))
/* By whole bytes: a vector may have something shorter for these. */
#define B3_ROTATE_16(x) B3_ROTATE(x, 16)
#define B3_ROTATE_8(x) B3_ROTATE(x, 8)
#define B3_MIX(a, b, c, d, x, y)                                                             \
    v[a] = v[a] + v[b] + (x);                                                                \
    v[d] = B3_ROTATE_16(v[d] ^ v[a]);                                                        \
    v[c] = v[c] + v[d];                                                                      \
    v[b] = B3_ROTATE(v[b] ^ v[c], 12);                                                       \
    v[a] = v[a] + v[b] + (y);                                                                \
    v[d] = B3_ROTATE_8(v[d] ^ v[a]);                                                         \
    v[c] = v[c] + v[d];                                                                      \
    v[b] = B3_ROTATE(v[b] ^ v[c], 7);
#define B3_ROUND(r)                                                                          \
    B3_MIX(0, 4, 8, 12, m[BLAKE3_WORDS[r][0]], m[BLAKE3_WORDS[r][1]])                        \
    B3_MIX(1, 5, 9, 13, m[BLAKE3_WORDS[r][2]], m[BLAKE3_WORDS[r][3]])                        \
    B3_MIX(2, 6, 10, 14, m[BLAKE3_WORDS[r][4]], m[BLAKE3_WORDS[r][5]])                       \
    B3_MIX(3, 7, 11, 15, m[BLAKE3_WORDS[r][6]], m[BLAKE3_WORDS[r][7]])                       \
    B3_MIX(0, 5, 10, 15, m[BLAKE3_WORDS[r][8]], m[BLAKE3_WORDS[r][9]])                       \
    B3_MIX(1, 6, 11, 12, m[BLAKE3_WORDS[r][10]], m[BLAKE3_WORDS[r][11]])                     \
    B3_MIX(2, 7, 8, 13, m[BLAKE3_WORDS[r][12]], m[BLAKE3_WORDS[r][13]])                      \
    B3_MIX(3, 4, 9, 14, m[BLAKE3_WORDS[r][14]], m[BLAKE3_WORDS[r][15]])

/* Section 2.2: the compression function, its sixteen words `v` and the block `m` set up by the
 * caller; the first eight words of its result. The same text serves a number and a vector of them. */
#define B3_COMPRESS                                                                          \
    B3_ROUND(0) B3_ROUND(1) B3_ROUND(2) B3_ROUND(3) B3_ROUND(4) B3_ROUND(5) B3_ROUND(6)      \
    for (int i = 0; i < 8; i++)                                                              \
        h[i] = v[i] ^ v[i + 8];

static void compress_one(uint32_t h[8], const uint8_t block[BLAKE3_BLOCK], uint64_t counter,
                         uint32_t size, uint32_t flags) {
    uint32_t m[16], v[16];
    for (int i = 0; i < 16; i++)
        m[i] = read32(block + 4 * i);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = BLAKE3_IV[i];
    }
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = size;
    v[15] = flags;
    B3_COMPRESS
}

static void write_value(uint8_t *bytes, int word, uint32_t value) {
    for (int i = 0; i < 4; i++)
        bytes[4 * word + i] = (uint8_t)(value >> (8 * i));
}

/* Writes the chaining value of a chunk that may be short; a file of no byte has one empty chunk. */
static void hash_chunk(const uint8_t *chunk, size_t size, uint64_t counter, uint32_t root,
                       uint8_t value[BLAKE3_SIZE]) {
    uint32_t h[8], flags = CHUNK_START;
    memcpy(h, BLAKE3_IV, sizeof h);
    for (; size > BLAKE3_BLOCK; chunk += BLAKE3_BLOCK, size -= BLAKE3_BLOCK, flags = 0)
        compress_one(h, chunk, counter, BLAKE3_BLOCK, flags);
    uint8_t last[BLAKE3_BLOCK] = {0};
    memcpy(last, chunk, size);
    compress_one(h, last, counter, (uint32_t)size, flags | CHUNK_END | root);
    for (int i = 0; i < 8; i++)
        write_value(value, i, h[i]);
}

/* What one lane hashes: so many whole blocks from `bytes` on, and where the result goes. The flags
 * of the first and of the last block differ from those between. */
typedef struct {
    const uint8_t *bytes;
    uint8_t *value;
    uint64_t counter;
    uint32_t root; /* ROOT or 0, for the last block */
} Job;

/* As many lanes as the vectors of processors have: 16 with AVX-512, 8 with AVX2, 4 elsewhere. Where
 * the compiler has no vectors, there is one lane. */
#ifdef HAS_GNU_C
#define B3_LANES 16
#define B3_LEAST 4
#define B3_WIDTH 4
#define B3_NAME hash_4
#else
#define B3_LANES 1
#define B3_LEAST 1
#define B3_WIDTH 1
#define B3_NAME hash_1
#endif
#define B3_CPU
#include "_blake3_lanes.h"

#ifdef ASKS_CPU
#define B3_WIDTH 8
#define B3_NAME hash_8
#define B3_CPU __attribute__((target("avx2")))
#include "_blake3_lanes.h"
#define B3_WIDTH 16
#define B3_NAME hash_16
#define B3_CPU __attribute__((target("avx512f")))
#include "_blake3_lanes.h"
#endif

/* The widest lanes that this processor has; see choose_lanes. */
static size_t lanes_at_once = B3_LEAST;

/* Has no more than `most` lanes used at once, and no more than there are. */
static void choose_lanes(size_t most) {
    lanes_at_once = B3_LEAST;
#ifdef ASKS_CPU
    __builtin_cpu_init();
    if (most >= 8 && __builtin_cpu_supports("avx2"))
        lanes_at_once = 8;
    if (most >= 16 && __builtin_cpu_supports("avx512f"))
        lanes_at_once = 16;
#else
    (void)most;
#endif
}

/* Hashes `count` jobs of `blocks` blocks each: chunks or (with one block) parents. What stands behind
 * them, up to a multiple of the lanes, is hashed too. */
static void hash_lanes(const Job *jobs, size_t count, size_t blocks, uint32_t first,
                       uint32_t last) {
    const size_t width = lanes_at_once;
    for (size_t at = 0; at < count; at += width) {
#ifdef ASKS_CPU
        if (width == 16)
            hash_16(jobs + at, blocks, first, last);
        else if (width == 8)
            hash_8(jobs + at, blocks, first, last);
        else
#endif
#ifdef HAS_GNU_C
            hash_4(jobs + at, blocks, first, last);
#else
            hash_1(jobs + at, blocks, first, last);
#endif
    }
}

/* Jobs that wait until there is one for every lane. */
typedef struct {
    Job jobs[B3_LANES];
    size_t count, blocks;
    uint32_t first, last;
} Queue;

static void finish_jobs(Queue *queue) {
    uint8_t nowhere[BLAKE3_SIZE];
    if (queue->count == 0)
        return;
    for (size_t lane = queue->count; lane < B3_LANES; lane++) {
        queue->jobs[lane] = queue->jobs[0]; /* a lane that has nothing to do does the first again */
        queue->jobs[lane].value = nowhere;
    }
    hash_lanes(queue->jobs, queue->count, queue->blocks, queue->first, queue->last);
    queue->count = 0;
}

static void add_job(Queue *queue, const uint8_t *bytes, uint8_t *value, uint64_t counter,
                    uint32_t root) {
    Job job = {bytes, value, counter, root};
    queue->jobs[queue->count++] = job;
    if (queue->count == B3_LANES)
        finish_jobs(queue);
}

static size_t chunks_of(size_t size) {
    return size == 0 ? 1 : (size + BLAKE3_CHUNK - 1) / BLAKE3_CHUNK;
}

/* Writes the BLAKE3 of `count` files, each of which lies at its start in `bytes`. `values` and `others`
 * have room for BLAKE3_SIZE bytes for each chunk of all files, `left` for a number for each file. */
static void blake3_files(const uint8_t *all, const uint64_t *starts, const uint64_t *sizes,
                         size_t count, uint8_t *values, uint8_t *others, size_t *left, uint8_t *digests) {
    Queue chunks = {.blocks = BLAKE3_CHUNK / BLAKE3_BLOCK, .first = CHUNK_START, .last = CHUNK_END};
    uint8_t *value = values;
    int again = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = all + starts[i];
        size_t size = (size_t)sizes[i];
        left[i] = chunks_of(size);
        again |= left[i] > 1;
        for (size_t chunk = 0; chunk < left[i]; chunk++, value += BLAKE3_SIZE) {
            size_t start = chunk * BLAKE3_CHUNK, rest = size - start;
            int is_root = left[i] == 1;
            uint8_t *to = is_root ? digests + BLAKE3_SIZE * i : value;
            if (rest >= BLAKE3_CHUNK)
                add_job(&chunks, bytes + start, to, chunk, is_root ? ROOT : 0);
            else
                hash_chunk(bytes + start, rest, chunk, is_root ? ROOT : 0, to);
        }
    }
    finish_jobs(&chunks);
    /* One level of all trees at a time: `left` values of each file become half as many. */
    while (again) {
        Queue parents = {.blocks = 1, .last = PARENT};
        size_t place = 0;
        again = 0;
        for (size_t i = 0; i < count; place += BLAKE3_SIZE * chunks_of((size_t)sizes[i++])) {
            size_t pairs = left[i] / 2;
            const uint8_t *from = values + place;
            uint8_t *to = others + place;
            if (left[i] == 2)
                add_job(&parents, from, digests + BLAKE3_SIZE * i, 0, ROOT);
            else
                for (size_t pair = 0; pair < pairs; pair++)
                    add_job(&parents, from + 2 * BLAKE3_SIZE * pair, to + BLAKE3_SIZE * pair, 0, 0);
            if (pairs > 0 && left[i] % 2)
                memcpy(to + BLAKE3_SIZE * pairs, from + 2 * BLAKE3_SIZE * pairs, BLAKE3_SIZE);
            left[i] = pairs + left[i] % 2;
            again |= left[i] > 1;
        }
        finish_jobs(&parents);
        value = values;
        values = others;
        others = value;
    }
}

/* --- A part of a long stream -------------------------------------------------------------------- */

/* A subtree that lies whole in a part: its 2^level chunks begin at a multiple of 2^level. Chunks have
 * numbers below 2^53: so many make a stream of 2^63 bytes, and no level is above 53. */
#define B3_LEVELS 54
#define B3_MOST_CHUNKS ((uint64_t)1 << 53)
typedef struct {
    uint8_t level;
    uint8_t value[BLAKE3_SIZE];
} Subtree;
#define B3_SUBTREES (2 * B3_LEVELS)

/* Writes the values of the largest subtrees, from left to right, that the chunks from number `counter`
 * on make, and returns how many there are. Only the last chunk may be short. `values` and `others`
 * have room for BLAKE3_SIZE bytes a chunk.
 *
 * The paper, section 5.1.2: which subtrees a chunk belongs to follows from its number alone. Level by
 * level, what has its other half outside of the part is set aside: one at each end at most. */
static size_t blake3_subtrees(const uint8_t *bytes, size_t size, uint64_t counter, uint8_t *values,
                              uint8_t *others, Subtree trees[B3_SUBTREES]) {
    Subtree right[B3_LEVELS];
    size_t at_left = 0, at_right = 0, count = chunks_of(size);
    Queue chunks = {.blocks = BLAKE3_CHUNK / BLAKE3_BLOCK, .first = CHUNK_START, .last = CHUNK_END};
    for (size_t i = 0; i < count; i++) {
        size_t start = i * BLAKE3_CHUNK;
        if (size - start >= BLAKE3_CHUNK)
            add_job(&chunks, bytes + start, values + BLAKE3_SIZE * i, counter + i, 0);
        else
            hash_chunk(bytes + start, size - start, counter + i, 0, values + BLAKE3_SIZE * i);
    }
    finish_jobs(&chunks);
    for (uint8_t level = 0; count > 0; level++, counter /= 2) {
        const uint8_t *first = values;
        Queue parents = {.blocks = 1, .last = PARENT};
        if (counter % 2) { /* a right half */
            trees[at_left].level = level;
            memcpy(trees[at_left++].value, first, BLAKE3_SIZE);
            first += BLAKE3_SIZE;
            counter++;
            count--;
        }
        if (count % 2) { /* a left half */
            right[at_right].level = level;
            memcpy(right[at_right++].value, first + BLAKE3_SIZE * --count, BLAKE3_SIZE);
        }
        count /= 2;
        for (size_t pair = 0; pair < count; pair++)
            add_job(&parents, first + 2 * BLAKE3_SIZE * pair, others + BLAKE3_SIZE * pair, 0, 0);
        finish_jobs(&parents);
        uint8_t *made = others;
        others = values;
        values = made;
    }
    while (at_right > 0)
        trees[at_left++] = right[--at_right];
    return at_left;
}

/* Writes the value of the parent of two subtrees, whose values lie one behind the other. */
static void blake3_parent(const uint8_t pair[BLAKE3_BLOCK], uint32_t root,
                          uint8_t value[BLAKE3_SIZE]) {
    uint32_t h[8];
    memcpy(h, BLAKE3_IV, sizeof h);
    compress_one(h, pair, 0, BLAKE3_BLOCK, PARENT | root);
    for (int i = 0; i < 8; i++)
        write_value(value, i, h[i]);
}

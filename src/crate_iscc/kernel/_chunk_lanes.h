/* Sixteen stretches chunked at once, one in each lane of AVX-512 vectors.
 *
 * A step takes a byte of each stretch: p' = floor(p / 2) + GEAR[byte], and a test. The table is looked
 * up by byte permutations (VBMI), which find any of 128 bytes in two registers: an entry is cut into four
 * bytes, each of which has a table of 256 bytes in four registers. So four steps are looked up at once,
 * and the four bytes of each entry are put together again.
 *
 * _native.c includes this behind what it calls here. Everything is Intel's intrinsics, whose names say
 * the instruction (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
 */
#include <immintrin.h>

#define WITH_VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))
#define VECTOR __attribute__((aligned(64)))

/* Steps between two looks at the lanes: MIN_SIZE, CENTRE_SIZE and MAX_SIZE are multiples of it, so no
 * block crosses a limit, and no byte is read that chunk_one would not read. */
#define LANE_BLOCK 64

/* GEAR, byte by byte: GEAR_BYTES[k][i] is byte k of GEAR[i], from the lowest on. */
static uint8_t GEAR_BYTES[4][256] VECTOR;

static void fill_gear_bytes(void) {
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 256; i++)
            GEAR_BYTES[k][i] = (uint8_t)(GEAR[i] >> 8 * k);
}

typedef struct {
    __m512i quarters[4];
} ByteTable;

/* Returns for each byte what the table has for it. The permutations ignore the highest bit of an
 * index, `upper`, which chooses between them. */
WITH_VBMI static INLINE __m512i look_up(const ByteTable *table, __m512i index, __mmask64 upper) {
    const __m512i *q = table->quarters;
    return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(q[0], index, q[1]),
                                  _mm512_permutex2var_epi8(q[2], index, q[3]));
}

WITH_VBMI static INLINE __m128i load_16(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)bytes);
}

/* Returns 16 bytes of each of the lanes `lane`, `lane` + 4, + 8 and + 12. */
WITH_VBMI static INLINE __m512i load_4_lanes(const uint8_t *bytes, const uint64_t *at, int lane) {
    __m512i four = _mm512_castsi128_si512(load_16(bytes + at[lane]));
    four = _mm512_inserti32x4(four, load_16(bytes + at[lane + 4]), 1);
    four = _mm512_inserti32x4(four, load_16(bytes + at[lane + 8]), 2);
    return _mm512_inserti32x4(four, load_16(bytes + at[lane + 12]), 3);
}

/* Loads 16 bytes of each lane. In steps[i], the 128 bits number q have the bytes 4 i to 4 i + 3 of the
 * lanes 4 q to 4 q + 3: byte by byte, the lanes side by side. */
WITH_VBMI static INLINE void load_steps(const uint8_t *bytes, const uint64_t *at,
                                        __m512i steps[4]) {
    const __m512i by_step = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i a = load_4_lanes(bytes, at, 0), b = load_4_lanes(bytes, at, 1);
    __m512i c = load_4_lanes(bytes, at, 2), d = load_4_lanes(bytes, at, 3);
    __m512i ab = _mm512_unpacklo_epi32(a, b), cd = _mm512_unpacklo_epi32(c, d);
    steps[0] = _mm512_shuffle_epi8(_mm512_unpacklo_epi64(ab, cd), by_step);
    steps[1] = _mm512_shuffle_epi8(_mm512_unpackhi_epi64(ab, cd), by_step);
    ab = _mm512_unpackhi_epi32(a, b), cd = _mm512_unpackhi_epi32(c, d);
    steps[2] = _mm512_shuffle_epi8(_mm512_unpacklo_epi64(ab, cd), by_step);
    steps[3] = _mm512_shuffle_epi8(_mm512_unpackhi_epi64(ab, cd), by_step);
}

/* One step of all lanes; returns which of them cut behind this byte. */
WITH_VBMI static INLINE uint64_t step(__m512i *patterns, __m512i gear, __m512i masks) {
    *patterns = _mm512_add_epi32(_mm512_srli_epi32(*patterns, 1), gear);
    return _mm512_testn_epi32_mask(*patterns, masks);
}

/* Four steps of all lanes. Returns 16 bits for each, from the lowest on: which lanes cut. */
WITH_VBMI static INLINE uint64_t four_steps(__m512i *patterns, const ByteTable tables[4],
                                            __m512i index, __m512i masks) {
    __mmask64 upper = _mm512_movepi8_mask(index);
    __m512i byte0 = look_up(&tables[0], index, upper), byte1 = look_up(&tables[1], index, upper);
    __m512i byte2 = look_up(&tables[2], index, upper), byte3 = look_up(&tables[3], index, upper);
    __m512i low = _mm512_unpacklo_epi8(byte0, byte1), high = _mm512_unpacklo_epi8(byte2, byte3);
    uint64_t cuts = step(patterns, _mm512_unpacklo_epi16(low, high), masks);
    cuts |= step(patterns, _mm512_unpackhi_epi16(low, high), masks) << 16;
    low = _mm512_unpackhi_epi8(byte0, byte1), high = _mm512_unpackhi_epi8(byte2, byte3);
    cuts |= step(patterns, _mm512_unpacklo_epi16(low, high), masks) << 32;
    return cuts | step(patterns, _mm512_unpackhi_epi16(low, high), masks) << 48;
}

/* Returns how many bytes of its block the lane's chunk has: up to its first cut, or all. */
static size_t length_in_block(const uint64_t cuts[LANE_BLOCK / 4], int lane) {
    for (size_t four = 0; four < LANE_BLOCK / 4; four++) {
        uint64_t own = cuts[four] >> lane & 0x0001000100010001u;
        if (own)
            return 4 * four + (size_t)__builtin_ctzll(own) / 16 + 1;
    }
    return LANE_BLOCK;
}

/* Moves eight lanes on by a block, those that are active. */
WITH_VBMI static INLINE void move_on(uint64_t at[8], __mmask8 active) {
    __m512i before = _mm512_load_si512(at);
    _mm512_store_si512(at, _mm512_mask_add_epi64(before, active, before,
                                                 _mm512_set1_epi64(LANE_BLOCK)));
}

/* Chunks all stretches to their ends. Each has at least LANE_BLOCK bytes and begins at `bytes` or
 * behind it; up to `stop` + MAX_SIZE - 1 of each are read. */
WITH_VBMI static void chunk_sixteen(const uint8_t *bytes, Stretch stretches[LANES]) {
    ByteTable tables[4];
    uint64_t cuts[LANE_BLOCK / 4];
    uint64_t at[LANES] VECTOR; /* where each lane reads on, from `bytes` on */
    const __m512i fresh = _mm512_set1_epi32(MAX_SIZE - MIN_SIZE);
    __m512i patterns = _mm512_setzero_si512(), left = fresh; /* bytes that the chunk may still have */
    __mmask16 active = 0xFFFF;

    for (int k = 0; k < 4; k++)
        for (int quarter = 0; quarter < 4; quarter++)
            tables[k].quarters[quarter] = _mm512_load_si512(GEAR_BYTES[k] + 64 * quarter);
    for (int lane = 0; lane < LANES; lane++)
        at[lane] = (uint64_t)(stretches[lane].chunks.end - bytes) + MIN_SIZE;

    while (active) {
        __mmask16 loose =
            _mm512_cmple_epu32_mask(left, _mm512_set1_epi32(MAX_SIZE - CENTRE_SIZE));
        __m512i masks = _mm512_mask_blend_epi32(loose, _mm512_set1_epi32(STRICT_MASK),
                                                _mm512_set1_epi32(LOOSE_MASK));
        uint64_t any = 0;
        for (int i = 0; i < LANE_BLOCK; i += 16) {
            __m512i steps[4];
            load_steps(bytes + i, at, steps);
            for (int four = 0; four < 4; four++)
                any |= cuts[i / 4 + four] = four_steps(&patterns, tables, steps[four], masks);
        }
        left = _mm512_sub_epi32(left, _mm512_set1_epi32(LANE_BLOCK));
        any |= any >> 32;
        any |= any >> 16;
        __mmask16 ended =
            (__mmask16)(((__mmask16)any | _mm512_testn_epi32_mask(left, left)) & active);

        for (unsigned rest = ended; rest; rest &= rest - 1) {
            int lane = __builtin_ctz(rest);
            Stretch *stretch = &stretches[lane];
            size_t begin = (size_t)(stretch->chunks.end - bytes);
            size_t length = (size_t)at[lane] - begin + length_in_block(cuts, lane);
            add_chunk_and_repeats(&stretch->chunks, length, stretch->stop);
            size_t next = (size_t)(stretch->chunks.end - bytes);
            at[lane] = next + MIN_SIZE - LANE_BLOCK; /* it moves on with the others */
            if (is_chunked(stretch)) {
                active &= (__mmask16) ~(1u << lane);
                at[lane] = 0; /* an idle lane reads the first bytes again and again */
            }
        }
        patterns = _mm512_maskz_mov_epi32((__mmask16)~ended, patterns);
        left = _mm512_mask_mov_epi32(left, ended, fresh);
        move_on(at, (__mmask8)active);
        move_on(at + 8, (__mmask8)(active >> 8));
    }
}

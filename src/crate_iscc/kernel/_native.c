/* The Data-Code of ISO 24138:2024, several times as fast as anywhere else and bit for bit the same.
 *
 * A Data-Code is made in three steps: content-defined chunking cuts the bytes into chunks of 257 to
 * 8192 bytes, xxHash32 makes each chunk a 32-bit feature, and a MinHash over 64 permutations makes
 * the set of features 256 bits. The reference is iscc-core 1.5 (cdc.py, code_data.py, minhash.py
 * and options.py), where every constant below comes from; tests/kernels compares them one by one.
 *
 * Where the speed comes from:
 * - Where a chunk ends depends on nothing but the bytes from its start on. So a stretch of bytes can
 *   be chunked ahead, as if a chunk began at its first byte. To join it, the true chain is continued
 *   into the stretch until it cuts where the stretch was cut too: from there on both are the same.
 *   Nothing is assumed: where no cut coincides, the true chain goes on to the end of the stretch.
 *   Two stretches are chunked in one loop (chunk_two), or sixteen in the lanes of vectors
 *   (_chunk_lanes.h, where the processor has AVX-512 VBMI); chunk_ahead gives whole buffers to threads.
 * - The gear recurrence is unrolled over eight bytes (see STEP): one addition a byte, not two
 *   instructions that wait for each other.
 * - Four chunks are hashed side by side, so that none waits for its own multiplications.
 *
 * C11 in Python's limited API; no other code is needed. Vector intrinsics are in _chunk_lanes.h alone.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>
#include <string.h>

/* What a compiler has beyond C11 is used where it is there. With CRATE_ISCC_PLAIN_C nothing of it is:
 * so the tests see what Visual C++ makes of this file. */
#if defined(__GNUC__) && !defined(CRATE_ISCC_PLAIN_C)
#define HAS_GNU_C
#endif

/* GCC and Clang compile the vectorisable loops once for each generation of x86-64 and let the loader
 * choose (GNU indirect functions, which only glibc has); elsewhere they are compiled once. */
#if defined(HAS_GNU_C) && defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && \
    (!defined(__clang__) || __clang_major__ >= 14)
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_CPU
#endif

/* Whether the processor can be asked what it has, and functions be made for one that has more. Not with
 * GCC on Windows, which lets wide vectors lie on the stack where they must not (GCC bug 54412). */
#if defined(HAS_GNU_C) && defined(__x86_64__) && (defined(__clang__) || !defined(_WIN32))
#define ASKS_CPU
#endif

#ifdef HAS_GNU_C
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define INLINE inline __attribute__((always_inline))
/* Has bytes brought into the cache that are wanted soon. There need not be any. */
#define FETCH_AHEAD(bytes, distance) __builtin_prefetch((const void *)((uintptr_t)(bytes) + (distance)))
#else
#define UNLIKELY(condition) (condition)
#define INLINE inline
#define FETCH_AHEAD(bytes, distance) ((void)0)
#endif

/* --- Constants ------------------------------------------------------------------------------- */

/* iscc-core, cdc.py, alg_cdc_params(1024): a chunk that is not the last has more than MIN_SIZE and
 * at most MAX_SIZE bytes; up to CENTRE_SIZE the mask is the stricter one. */
#define MIN_SIZE 256
#define CENTRE_SIZE 640
#define MAX_SIZE 8192
#define STRICT_MASK 0x7FFu /* 11 bits */
#define LOOSE_MASK 0x1FFu  /* 9 bits */

/* iscc-core, options.py, cdc_gear: every value is below 2^31. */
static const uint32_t GEAR[256] = {
    1553318008u, 574654857u, 759734804u, 310648967u, 1393527547u, 1195718329u, 694400241u,
    1154184075u, 1319583805u, 1298164590u, 122602963u, 989043992u, 1918895050u, 933636724u,
    1369634190u, 1963341198u, 1565176104u, 1296753019u, 1105746212u, 1191982839u, 1195494369u,
    29065008u, 1635524067u, 722221599u, 1355059059u, 564669751u, 1620421856u, 1100048288u,
    1018120624u, 1087284781u, 1723604070u, 1415454125u, 737834957u, 1854265892u, 1605418437u,
    1697446953u, 973791659u, 674750707u, 1669838606u, 320299026u, 1130545851u, 1725494449u,
    939321396u, 748475270u, 554975894u, 1651665064u, 1695413559u, 671470969u, 992078781u,
    1935142196u, 1062778243u, 1901125066u, 1935811166u, 1644847216u, 744420649u, 2068980838u,
    1988851904u, 1263854878u, 1979320293u, 111370182u, 817303588u, 478553825u, 694867320u,
    685227566u, 345022554u, 2095989693u, 1770739427u, 165413158u, 1322704750u, 46251975u,
    710520147u, 700507188u, 2104251000u, 1350123687u, 1593227923u, 1756802846u, 1179873910u,
    1629210470u, 358373501u, 807118919u, 751426983u, 172199468u, 174707988u, 1951167187u,
    1328704411u, 2129871494u, 1242495143u, 1793093310u, 1721521010u, 306195915u, 1609230749u,
    1992815783u, 1790818204u, 234528824u, 551692332u, 1930351755u, 110996527u, 378457918u,
    638641695u, 743517326u, 368806918u, 1583529078u, 1767199029u, 182158924u, 1114175764u,
    882553770u, 552467890u, 1366456705u, 934589400u, 1574008098u, 1798094820u, 1548210079u,
    821697741u, 601807702u, 332526858u, 1693310695u, 136360183u, 1189114632u, 506273277u,
    397438002u, 620771032u, 676183860u, 1747529440u, 909035644u, 142389739u, 1991534368u,
    272707803u, 1905681287u, 1210958911u, 596176677u, 1380009185u, 1153270606u, 1150188963u,
    1067903737u, 1020928348u, 978324723u, 962376754u, 1368724127u, 1133797255u, 1367747748u,
    1458212849u, 537933020u, 1295159285u, 2104731913u, 1647629177u, 1691336604u, 922114202u,
    170715530u, 1608833393u, 62657989u, 1140989235u, 381784875u, 928003604u, 449509021u,
    1057208185u, 1239816707u, 525522922u, 476962140u, 102897870u, 132620570u, 419788154u,
    2095057491u, 1240747817u, 1271689397u, 973007445u, 1380110056u, 1021668229u, 12064370u,
    1186917580u, 1017163094u, 597085928u, 2018803520u, 1795688603u, 1722115921u, 2015264326u,
    506263638u, 1002517905u, 1229603330u, 1376031959u, 763839898u, 1970623926u, 1109937345u,
    524780807u, 1976131071u, 905940439u, 1313298413u, 772929676u, 1578848328u, 1108240025u,
    577439381u, 1293318580u, 1512203375u, 371003697u, 308046041u, 320070446u, 1252546340u,
    568098497u, 1341794814u, 1922466690u, 480833267u, 1060838440u, 969079660u, 1836468543u,
    2049091118u, 2023431210u, 383830867u, 2112679659u, 231203270u, 1551220541u, 1377927987u,
    275637462u, 2110145570u, 1700335604u, 738389040u, 1688841319u, 1506456297u, 1243730675u,
    258043479u, 599084776u, 41093802u, 792486733u, 1897397356u, 28077829u, 1520357900u,
    361516586u, 1119263216u, 209458355u, 45979201u, 363681532u, 477245280u, 2107748241u,
    601938891u, 244572459u, 1689418013u, 1141711990u, 1485744349u, 1181066840u, 1950794776u,
    410494836u, 1445347454u, 2137242950u, 852679640u, 1014566730u, 1999335993u, 1871390758u,
    1736439305u, 231222289u, 603972436u, 783045542u, 370384393u, 184356284u, 709706295u,
    1453549767u, 591603172u, 768512391u, 854125182u,
};

/* iscc-core, minhash.py: MPA and MPB, the factors and summands of the 64 permutations. */
#define PERMUTATIONS 64
static const uint64_t MPA[PERMUTATIONS] = {
    853146490016488653u, 1849332765672628665u, 1131688930666554379u, 1936485333668353377u,
    890837126813020267u, 1988249303247129861u, 1408894512544874755u, 2140251716176616185u,
    1755124413189049421u, 1355916793659431597u, 546586563822844083u, 497603761441203021u,
    2000709902557454173u, 1057597903350092207u, 1576204252850880253u, 2078784234495706739u,
    1022616668454863635u, 2150082342606334489u, 712341150087765807u, 1511757510246096559u,
    1525853819909660573u, 1263771796138990131u, 1215963627200985263u, 590069150281426443u,
    130824646248385081u, 962725325544728503u, 1702561325943522847u, 296074222435072629u,
    490211158716051523u, 1255327197241792767u, 699458998727907367u, 32930168991409845u,
    1985097843455124585u, 362027841570125531u, 1903252144040897835u, 900391845076405289u,
    547470123601853551u, 1689373724032359119u, 845594231933442371u, 400331968021206285u,
    174967108345233429u, 876513700861085019u, 505848386844809885u, 1920468508342256199u,
    1292611725303815789u, 963317239501343903u, 1730880032297268007u, 284614929850059717u,
    1185026248283273081u, 2167288823816985197u, 1214905315086686483u, 1555253098157439857u,
    1048013650291539723u, 1238618594841147605u, 1213502582686547311u, 286300733803129311u,
    1250358511639043529u, 407534797452854371u, 960869149538623787u, 1722699901467253087u,
    1325704236119824319u, 196979859428570839u, 1669408735473259699u, 781336617016068757u,
};
static const uint64_t MPB[PERMUTATIONS] = {
    1089606993368836715u, 726972438868274737u, 66204585613901025u, 1078410179646709132u,
    1343470117098523467u, 698653121981343911u, 1248486536592473639u, 1447963007834012793u,
    1034598851883537815u, 1474008409379745934u, 793773480906057541u, 980501101461882479u,
    963941556313537655u, 233651787311327325u, 243905121737149907u, 570269452476776142u,
    297633284648631084u, 1516796967247398557u, 1494795672066692649u, 1728741177365151059u,
    1029197538967983408u, 1660732464170610344u, 1399769594446678069u, 506465470557005705u,
    1279720146829545181u, 860096419955634036u, 411519685280832908u, 69539191273403207u,
    1960489729088056217u, 605092075716397684u, 1017496016211653149u, 1304834535101321372u,
    949013511180032347u, 1142776242221098779u, 576980004709031232u, 1071272177143100544u,
    1494527341093835499u, 1073290814142727850u, 1285904200674942617u, 1277176606329477335u,
    343788427301735585u, 2100915269685487331u, 1227711252031557450u, 18593166391963377u,
    2101884148332688233u, 191808277534686888u, 2170124912729392024u, 918430470748151293u,
    1831024560113812361u, 1951365515851067694u, 744352348473654499u, 1921518311887826722u,
    2020165648600700886u, 1764930142256726985u, 1903893374912839788u, 1449378957774802122u,
    1435825328374066345u, 833197549717762813u, 2238991044337210799u, 748955638857938366u,
    1834583747494146901u, 222012292803592982u, 901238460725547841u, 1501611130776083278u,
};

/* xxHash specification 0.1.1 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), XXH32. */
#define PRIME1 0x9E3779B1u
#define PRIME2 0x85EBCA77u
#define PRIME3 0xC2B2AE3Du
#define PRIME4 0x27D4EB2Fu
#define PRIME5 0x165667B1u

/* --- xxHash32 of chunks ---------------------------------------------------------------------- */

static inline uint32_t rotate_left(uint32_t value, int bits) {
    return value << bits | value >> (32 - bits);
}

/* Returns four bytes as a little-endian number, wherever they lie. */
static inline uint32_t read32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

/* The four accumulators. They are a vector where the compiler has one. */
#ifdef HAS_GNU_C
typedef uint32_t Sums __attribute__((vector_size(16)));

static INLINE Sums sums_of(const uint32_t of[4]) {
    Sums sums = {of[0], of[1], of[2], of[3]};
    return sums;
}

/* Returns the accumulators after one more stripe of 16 bytes. */
static INLINE Sums xxh32_stripe(Sums sums, const uint8_t *bytes) {
    Sums words;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    words = (Sums){read32(bytes), read32(bytes + 4), read32(bytes + 8), read32(bytes + 12)};
#else
    memcpy(&words, bytes, sizeof words);
#endif
    sums += words * PRIME2;
    return (sums << 13 | sums >> 19) * PRIME1;
}
#else
typedef struct {
    uint32_t of[4];
} Sums;

static INLINE Sums sums_of(const uint32_t of[4]) {
    Sums sums = {{of[0], of[1], of[2], of[3]}};
    return sums;
}

static INLINE Sums xxh32_stripe(Sums sums, const uint8_t *bytes) {
    for (int i = 0; i < 4; i++)
        sums.of[i] = rotate_left(sums.of[i] + read32(bytes + 4 * i) * PRIME2, 13) * PRIME1;
    return sums;
}
#endif

static INLINE Sums xxh32_begin(void) {
    static const uint32_t first[4] = {PRIME1 + PRIME2, PRIME2, 0, 0u - PRIME1}; /* modulo 2^32 */
    return sums_of(first);
}

/* Returns the hash of `size` bytes, whose whole stripes are in `sums` and whose others begin at
 * `rest`. */
static uint32_t xxh32_end(Sums sums, const uint8_t *rest, size_t size) {
    uint32_t hash = PRIME5, of[4];
    memcpy(of, &sums, sizeof of);
    if (size >= 16)
        hash = rotate_left(of[0], 1) + rotate_left(of[1], 7) + rotate_left(of[2], 12) +
               rotate_left(of[3], 18);
    hash += (uint32_t)size;
    size_t left = size % 16;
    for (; left >= 4; left -= 4, rest += 4)
        hash = rotate_left(hash + read32(rest) * PRIME3, 17) * PRIME4;
    for (; left > 0; left--, rest++)
        hash = rotate_left(hash + *rest * PRIME5, 11) * PRIME1;
    hash = (hash ^ hash >> 15) * PRIME2;
    hash = (hash ^ hash >> 13) * PRIME3;
    return hash ^ hash >> 16;
}

static uint32_t xxh32(const uint8_t *bytes, size_t size) {
    Sums sums = xxh32_begin();
    const uint8_t *end = bytes + (size - size % 16);
    for (; bytes != end; bytes += 16)
        sums = xxh32_stripe(sums, bytes);
    return xxh32_end(sums, bytes, size);
}

/* Hashes `count` chunks that follow each other from `bytes` on.
 *
 * Four lanes have a chunk each; whenever one of them ends, its lane takes the next chunk. The last
 * three to end are finished one by one. */
#define HASHED_AT_ONCE 4
FOR_EACH_CPU static void hash_chunks(const uint8_t *bytes, const uint32_t *lengths, size_t count,
                                     uint32_t *features) {
    Sums sums[HASHED_AT_ONCE];
    const uint8_t *at[HASHED_AT_ONCE];
    size_t chunk[HASHED_AT_ONCE], stripes[HASHED_AT_ONCE];
    size_t next = 0;

    if (count < HASHED_AT_ONCE) {
        for (; next < count; bytes += lengths[next++])
            features[next] = xxh32(bytes, lengths[next]);
        return;
    }
    for (int lane = 0; lane < HASHED_AT_ONCE; lane++) {
        sums[lane] = xxh32_begin();
        at[lane] = bytes;
        chunk[lane] = next;
        stripes[lane] = lengths[next] / 16;
        bytes += lengths[next++];
    }
    for (;;) {
        int first = 0; /* the lane whose chunk ends first */
        for (int lane = 1; lane < HASHED_AT_ONCE; lane++)
            first = stripes[lane] < stripes[first] ? lane : first;
        size_t common = stripes[first];
        const uint8_t *p0 = at[0], *p1 = at[1], *p2 = at[2], *p3 = at[3];
        Sums s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
        for (size_t i = 0; i < common; i++) {
            s0 = xxh32_stripe(s0, p0 + 16 * i);
            s1 = xxh32_stripe(s1, p1 + 16 * i);
            s2 = xxh32_stripe(s2, p2 + 16 * i);
            s3 = xxh32_stripe(s3, p3 + 16 * i);
        }
        sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
        for (int lane = 0; lane < HASHED_AT_ONCE; lane++) {
            at[lane] += 16 * common;
            stripes[lane] -= common;
        }
        features[chunk[first]] = xxh32_end(sums[first], at[first], lengths[chunk[first]]);
        if (next == count) {
            stripes[first] = 0;
            chunk[first] = count; /* this lane is done */
            break;
        }
        sums[first] = xxh32_begin();
        at[first] = bytes;
        chunk[first] = next;
        stripes[first] = lengths[next] / 16;
        bytes += lengths[next++];
    }
    for (int lane = 0; lane < HASHED_AT_ONCE; lane++) {
        if (chunk[lane] == count)
            continue;
        for (; stripes[lane] > 0; stripes[lane]--, at[lane] += 16)
            sums[lane] = xxh32_stripe(sums[lane], at[lane]);
        features[chunk[lane]] = xxh32_end(sums[lane], at[lane], lengths[chunk[lane]]);
    }
}

/* --- MinHash --------------------------------------------------------------------------------- */

/* Lowers each permutation's minimum to what the features give.
 *
 * The reference: min(((a * f + b) mod 2^64) mod P & (2^32 - 1)) with P = 2^61 - 1. With
 * x = (a * f + b) mod 2^64 and r = (x mod 2^61) + floor(x / 2^61): r = x (mod P) because
 * 2^61 = 1 (mod P), and r <= P + 7, so x mod P is r, or r - P where r >= P. Of that only the low 32
 * bits count, and -P = 1 (mod 2^32): so 1 is added where r + 1 reaches bit 61. */
FOR_EACH_CPU static void minhash(uint32_t minima[PERMUTATIONS], const uint32_t *features,
                                 size_t count) {
    const uint64_t prime = ((uint64_t)1 << 61) - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t feature = features[i];
        for (int k = 0; k < PERMUTATIONS; k++) {
            uint64_t x = MPA[k] * feature + MPB[k];
            uint64_t r = (x & prime) + (x >> 61);
            uint32_t value = (uint32_t)(r + ((r + 1) >> 61));
            minima[k] = value < minima[k] ? value : minima[k];
        }
    }
}

#include "_blake3.h"

/* --- Chunking -------------------------------------------------------------------------------- */

/* How far a chunk has been read that has not ended yet. */
typedef struct {
    uint32_t pattern; /* of the gear recurrence, after byte `size` - 1; 0 up to MIN_SIZE */
    size_t size;
} Open;

/* Reads on in the chunk that begins at `bytes`, of which `size` bytes are there.
 *
 * Returns the chunk's length, or 0 if it does not end in these bytes. Reads bytes[0 .. size). */
static size_t scan(Open *open, const uint8_t *bytes, size_t size) {
    size_t end = size < MAX_SIZE ? size : MAX_SIZE;
    size_t centre = end < CENTRE_SIZE ? end : CENTRE_SIZE;
    size_t i = open->size < MIN_SIZE ? MIN_SIZE : open->size;
    uint32_t pattern = open->pattern;
    for (; i < centre; i++) {
        pattern = (pattern >> 1) + GEAR[bytes[i]];
        if (UNLIKELY(!(pattern & STRICT_MASK)))
            return i + 1;
    }
    for (; i < end; i++) {
        pattern = (pattern >> 1) + GEAR[bytes[i]];
        if (UNLIKELY(!(pattern & LOOSE_MASK)))
            return i + 1;
    }
    if (size >= MAX_SIZE)
        return MAX_SIZE;
    open->pattern = pattern;
    open->size = size;
    return 0;
}

static size_t chunk_length(const uint8_t *bytes, size_t size) {
    Open open = {0, 0};
    return scan(&open, bytes, size);
}

/* Chunks that follow each other: the first begins at `start`, the last ends at `end`. */
typedef struct {
    const uint8_t *end;
    uint32_t *lengths; /* room for one in every MIN_SIZE bytes of what is chunked, and one more */
    size_t count;
} Chunks;

static void add_chunk(Chunks *chunks, size_t length) {
    chunks->lengths[chunks->count++] = (uint32_t)length;
    chunks->end += length;
}

/* Adds the chunk of that length, and all that repeat it if it is as long as a chunk can be.
 *
 * A chunk whose bytes are those of the chunk before ends where that one did. In constant stretches
 * (and with any period that divides 8192) this saves reading them. Chunks are added while they begin
 * before `stop`; bytes up to `stop` + MAX_SIZE - 1 are read. */
static void add_chunk_and_repeats(Chunks *chunks, size_t length, const uint8_t *stop) {
    add_chunk(chunks, length);
    if (length == MAX_SIZE)
        while (chunks->end < stop && !memcmp(chunks->end - MAX_SIZE, chunks->end, MAX_SIZE))
            add_chunk(chunks, MAX_SIZE);
}

/* Adds chunks until one ends at `stop` or behind it. Reads up to `stop` + MAX_SIZE - 1. */
static void chunk_one(Chunks *chunks, const uint8_t *stop) {
    while (chunks->end < stop)
        add_chunk_and_repeats(chunks, chunk_length(chunks->end, MAX_SIZE), stop);
}

/* Where one of the two chunkings of chunk_two is: `limit` is where the mask changes or the chunk
 * ends in any case. */
typedef struct {
    const uint8_t *at, *limit;
    uint64_t pattern;
    int is_loose; /* which mask it is */
} Reader;

static Reader reader(const uint8_t *chunk) {
    Reader fresh = {chunk + MIN_SIZE, chunk + CENTRE_SIZE, 0, 0};
    return fresh;
}

/* Called at the limit. Returns whether the chunk ends there; if not, the next limit is set. */
static int ends_at_limit(Reader *reader) {
    if (reader->is_loose)
        return 1;
    reader->is_loose = 1;
    reader->limit += MAX_SIZE - CENTRE_SIZE;
    return 0;
}

/* One step of the recurrence is p' = floor(p / 2) + gear. Floors of floors can be drawn together:
 * after k steps p is floor((p + 2 g1 + 4 g2 + ... + 2^k gk) / 2^k), so the sum alone is carried
 * through a block, and the k-th test is done on its bits from k on. p < 2^32 and every g < 2^31: the
 * sum is below 2^32 + 2^31 * 2^(k + 1), far from 2^64 with eight steps.
 *
 * The factors stand in SHIFTED[k - 1], which is filled when the module is loaded: then a step is a
 * load, an addition, a test and a branch. */
#define BLOCK 8
static uint64_t SHIFTED[BLOCK][256];

static void fill_shifted(void) {
    for (int k = 1; k <= BLOCK; k++)
        for (int byte = 0; byte < 256; byte++)
            SHIFTED[k - 1][byte] = (uint64_t)GEAR[byte] << k;
}

/* Which of two readers' chunks ends, after how many bytes of its block; no length at the pause. */
typedef struct {
    Reader *reader;
    int length;
} Hit;

#define STEP(number, x, sum, mask)                                                           \
    sum += SHIFTED[number - 1][at_##x[number - 1]];                                          \
    if (UNLIKELY(!(sum & (uint64_t)mask << number))) {                                       \
        hit.reader = x;                                                                      \
        hit.length = number;                                                                 \
        break;                                                                               \
    }
#define STEPS(number) STEP(number, a, sum_a, mask_a) STEP(number, b, sum_b, mask_b)

/* Reads on in both, block by block, until a chunk ends or a reader comes to its limit: that many
 * bytes are a whole number of blocks. A block in which the other's chunk ends is begun again. The
 * masks are constants, so each pair of them has a loop of its own. */
static INLINE Hit read_on(Reader *a, Reader *b, size_t size, uint32_t mask_a, uint32_t mask_b) {
    const uint8_t *at_a = a->at, *at_b = b->at, *pause = a->at + size;
    uint64_t pattern_a = a->pattern, pattern_b = b->pattern;
    Hit hit = {0};
    while (at_a != pause) {
        uint64_t sum_a = pattern_a, sum_b = pattern_b;
        STEPS(1) STEPS(2) STEPS(3) STEPS(4) STEPS(5) STEPS(6) STEPS(7) STEPS(8)
        pattern_a = sum_a >> BLOCK;
        pattern_b = sum_b >> BLOCK;
        at_a += BLOCK;
        at_b += BLOCK;
    }
    a->at = at_a;
    b->at = at_b;
    a->pattern = pattern_a;
    b->pattern = pattern_b;
    return hit;
}

static Hit read_to_limit(Reader *a, Reader *b) {
    size_t left_a = (size_t)(a->limit - a->at), left_b = (size_t)(b->limit - b->at);
    size_t size = left_a < left_b ? left_a : left_b;
    if (a->is_loose)
        return b->is_loose ? read_on(a, b, size, LOOSE_MASK, LOOSE_MASK)
                           : read_on(a, b, size, LOOSE_MASK, STRICT_MASK);
    return b->is_loose ? read_on(a, b, size, STRICT_MASK, LOOSE_MASK)
                       : read_on(a, b, size, STRICT_MASK, STRICT_MASK);
}

/* Bytes that are chunked as if a chunk began at the first of them: all chunks that begin before
 * `stop`. */
typedef struct {
    const uint8_t *start, *stop;
    Chunks chunks;
} Stretch;

static int is_chunked(const Stretch *stretch) {
    return stretch->chunks.end >= stretch->stop;
}

/* Ends the chunk of a reader and begins the next one. Returns whether the stretch is chunked. */
static int end_chunk(Reader *reader_, Stretch *stretch, int length_in_block) {
    Chunks *chunks = &stretch->chunks;
    size_t length = (size_t)(reader_->at + length_in_block - chunks->end);
    add_chunk_and_repeats(chunks, length, stretch->stop);
    *reader_ = reader(chunks->end);
    return is_chunked(stretch);
}

/* Chunks two stretches in one loop, until either is chunked: what chunk_one does for each. The limits
 * are whole blocks away from MIN_SIZE: so no block crosses a limit, and no reader goes beyond a byte
 * that chunk_one would not read. */
static void chunk_two(Stretch *first, Stretch *second) {
    Reader a = reader(first->start), b = reader(second->start);
    int is_done = 0;
    while (!is_done) {
        Hit hit = read_to_limit(&a, &b);
        if (hit.reader == &a)
            is_done = end_chunk(&a, first, hit.length);
        else if (hit.reader == &b)
            is_done = end_chunk(&b, second, hit.length);
        else if (b.at == b.limit && ends_at_limit(&b))
            is_done = end_chunk(&b, second, 0);
        else if (a.at == a.limit && ends_at_limit(&a))
            is_done = end_chunk(&a, first, 0);
    }
}

/* A stretch for each of 16 lanes of a vector, where compiler and processor have what that takes. */
#define LANES 16
#if defined(ASKS_CPU) && (__clang_major__ >= 8 || (!defined(__clang__) && __GNUC__ >= 9))
#define HAS_CHUNK_LANES
#include "_chunk_lanes.h"
#endif

/* How many stretches are chunked at once: 2 or LANES. */
static size_t stretches_at_once = 2;

/* Has no more than `most` stretches chunked at once, and no more than this processor can. */
static void choose_stretches(size_t most) {
    stretches_at_once = 2;
#ifdef HAS_CHUNK_LANES
    __builtin_cpu_init();
    if (most >= LANES && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi")) {
        fill_gear_bytes();
        stretches_at_once = LANES;
    }
#else
    (void)most;
#endif
}

/* --- Chunks and their features, window by window ------------------------------------------------ */

/* So many bytes are chunked, then hashed: they stay in the cache of the core in between. The longer a
 * stretch, the less of it is chunked twice, and the more alike are the stretches. */
#define WINDOW ((size_t)1024 * 1024)
#define WINDOW_OF_TWO ((size_t)512 * 1024)
/* Every chunk but the last of a stream has more than MIN_SIZE bytes. */
#define WINDOW_CHUNKS (WINDOW / MIN_SIZE + 1)

typedef struct {
    uint32_t lengths[WINDOW_CHUNKS], features[WINDOW_CHUNKS];
    size_t count;
} Window;

/* Takes over the chunks of a stretch from where one of its cuts coincides with one of the true chain.
 * Ends with the chain at the stretch's stop or behind it. */
static void join(Chunks *chain, const Stretch *stretch) {
    const Chunks *ahead = &stretch->chunks;
    const uint8_t *cut = stretch->start;
    size_t i = 0;
    while (chain->end < stretch->stop) {
        while (cut < chain->end && i < ahead->count)
            cut += ahead->lengths[i++];
        if (cut == chain->end)
            for (; i < ahead->count; i++)
                add_chunk(chain, ahead->lengths[i]);
        else
            add_chunk_and_repeats(chain, chunk_length(chain->end, MAX_SIZE), stretch->stop);
    }
}

/* Chunks a window from its start, which is the end of `chain`, to `stop`, several stretches of it at
 * once. */
static void chunk_window(Chunks *chain, const uint8_t *stop) {
    const uint8_t *start = chain->end;
    size_t size = (size_t)(stop - start), count = stretches_at_once;
    while (count > 1 && size / count < MAX_SIZE)
        count = count > 2 ? 2 : 1;
    if (count == 1) {
        chunk_one(chain, stop);
        return;
    }
    Stretch stretches[LANES];
    uint32_t lengths[WINDOW_CHUNKS + LANES];
    size_t each = size / count, room = each / MIN_SIZE + 1; /* the last has count - 1 bytes more */
    for (size_t i = 0; i < count; i++) {
        Stretch *stretch = &stretches[i];
        stretch->start = start + i * each;
        stretch->stop = i + 1 < count ? stretch->start + each : stop;
        stretch->chunks.end = stretch->start;
        stretch->chunks.lengths = i == 0 ? chain->lengths : lengths + i * room;
        stretch->chunks.count = 0;
    }
#ifdef HAS_CHUNK_LANES
    if (count == LANES)
        chunk_sixteen(start, stretches);
    else
#endif
        chunk_two(&stretches[0], &stretches[1]);
    for (size_t i = 0; i < count; i++)
        chunk_one(&stretches[i].chunks, stretches[i].stop);
    *chain = stretches[0].chunks;
    for (size_t i = 1; i < count; i++)
        join(chain, &stretches[i]);
}

/* Chunks and hashes the next bytes, at most a window of them; a chunk begins at the first.
 *
 * Returns how many bytes the chunks have together: 0 if none ends in these bytes. */
static size_t next_chunks(Window *window, const uint8_t *bytes, size_t size) {
    Chunks chain = {bytes, window->lengths, 0};
    if (size < MAX_SIZE) {
        size_t length;
        while ((length = chunk_length(chain.end, size - (size_t)(chain.end - bytes))) > 0)
            add_chunk(&chain, length);
    } else {
        /* Chunks that begin before `stop` end in these bytes, whatever they hold. */
        size_t length = size - MAX_SIZE + 1;
        size_t most = stretches_at_once > 2 ? WINDOW : WINDOW_OF_TWO;
        chunk_window(&chain, bytes + (length < most ? length : most));
    }
    window->count = chain.count;
    hash_chunks(bytes, window->lengths, chain.count, window->features);
    return (size_t)(chain.end - bytes);
}

/* --- A stream, in pieces of any size --------------------------------------------------------- */

typedef struct {
    uint32_t minima[PERMUTATIONS];
    int is_empty; /* no chunk has ended yet */
    Open open;
    uint8_t open_bytes[MAX_SIZE]; /* the first open.size bytes of the chunk that has not ended */
} Stream;

static void stream_begin(Stream *stream) {
    memset(stream->minima, 0xFF, sizeof stream->minima);
    stream->is_empty = 1;
    stream->open.pattern = 0;
    stream->open.size = 0;
}

static void take_features(Stream *stream, const uint32_t *features, size_t count) {
    minhash(stream->minima, features, count);
    stream->is_empty &= count == 0;
}

/* Goes on with the chunk that has not ended yet. Returns how many bytes belong to it. */
static size_t take_into_open(Stream *stream, const uint8_t *bytes, size_t size) {
    size_t known = stream->open.size, room = MAX_SIZE - known;
    size_t added = size < room ? size : room;
    memcpy(stream->open_bytes + known, bytes, added);
    size_t length = scan(&stream->open, stream->open_bytes, known + added);
    if (length == 0)
        return added; /* all of them: a chunk of MAX_SIZE bytes would have ended */
    uint32_t feature = xxh32(stream->open_bytes, length);
    take_features(stream, &feature, 1);
    stream->open.pattern = 0;
    stream->open.size = 0;
    return length - known; /* scan begins behind the bytes that it knows */
}

/* Takes over chunks that chunk_ahead found in these bytes, as join does. A chunk of the stream begins
 * at bytes[at]; returns up to where the bytes were taken. Where nothing coincides soon, the rest is
 * left to the caller. The lengths together are no more than `size`. */
#define TRIALS 64
static size_t take_ahead(Stream *stream, const uint8_t *bytes, size_t size, size_t at,
                         const uint32_t *lengths, const uint32_t *features, size_t count) {
    size_t cut = 0, i = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        while (cut < at && i < count)
            cut += lengths[i++];
        if (cut == at) {
            take_features(stream, features + i, count - i);
            while (i < count)
                cut += lengths[i++];
            return cut;
        }
        size_t length = chunk_length(bytes + at, size - at);
        if (length == 0)
            break;
        uint32_t feature = xxh32(bytes + at, length);
        take_features(stream, &feature, 1);
        at += length;
    }
    return at;
}

/* Takes the next bytes. `count` chunks are known of a chunking that begins at the first of them:
 * their lengths and features, which chunk_ahead has found. */
static void stream_update(Stream *stream, const uint8_t *bytes, size_t size,
                          const uint32_t *lengths, const uint32_t *features, size_t count) {
    Window window;
    size_t at = 0, taken;
    if (size == 0)
        return;
    if (stream->open.size > 0)
        at = take_into_open(stream, bytes, size);
    if (count > 0 && stream->open.size == 0)
        at = take_ahead(stream, bytes, size, at, lengths, features, count);
    while ((taken = next_chunks(&window, bytes + at, size - at)) > 0) {
        take_features(stream, window.features, window.count);
        at += taken;
    }
    /* Fewer than MAX_SIZE bytes are left, or a chunk would have ended; and none if the open chunk
     * has taken them all. */
    if (at < size) {
        memcpy(stream->open_bytes, bytes + at, size - at);
        scan(&stream->open, stream->open_bytes, size - at);
    }
}

/* Writes the digest of all that was taken; more may be taken afterwards.
 *
 * iscc-core, minhash.py, alg_minhash_compress: the lowest bits of all minima, then the bits above
 * them, and so on for four bits, each in the order of the permutations. */
#define DIGEST_SIZE (4 * PERMUTATIONS / 8)
static void stream_digest(const Stream *stream, uint8_t digest[DIGEST_SIZE]) {
    uint32_t minima[PERMUTATIONS];
    memcpy(minima, stream->minima, sizeof minima);
    if (stream->open.size > 0 || stream->is_empty) {
        uint32_t feature = xxh32(stream->open_bytes, stream->open.size);
        minhash(minima, &feature, 1);
    }
    memset(digest, 0, DIGEST_SIZE);
    for (int bit = 0; bit < 4 * PERMUTATIONS; bit++) {
        uint32_t value = minima[bit % PERMUTATIONS] >> bit / PERMUTATIONS & 1;
        digest[bit / 8] |= (uint8_t)(value << (7 - bit % 8));
    }
}

/* --- Python ---------------------------------------------------------------------------------- */

/* Below this size, handing the interpreter over costs more than hashing. */
#define SIZE_TO_RELEASE_GIL MAX_SIZE

typedef struct {
    PyObject_HEAD
    Stream stream;
    int is_busy; /* a thread is in update; read and written with the GIL held */
} DataHasher;

static PyObject *data_hasher_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    if (PyTuple_Size(arguments) > 0 || (keywords && PyDict_Size(keywords) > 0)) {
        PyErr_SetString(PyExc_TypeError, "DataHasher takes no arguments");
        return NULL;
    }
    DataHasher *self = (DataHasher *)PyType_GenericAlloc(type, 0);
    if (self) {
        stream_begin(&self->stream);
        self->is_busy = 0;
    }
    return (PyObject *)self;
}

static void data_hasher_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Returns whether these are lengths (and as many features) of chunks that lie in `size` bytes. */
static int is_plausible(const uint32_t *ahead, size_t count, size_t size) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (ahead[i] <= MIN_SIZE || ahead[i] > MAX_SIZE)
            return 0;
        total += ahead[i];
        if (total > size)
            return 0;
    }
    return 1;
}

PyDoc_STRVAR(update_doc,
             "update(buffer, ahead=b'', /)\n--\n\n"
             "Take the next bytes; any number of them at a time gives the same result.\n\n"
             "`ahead` is what chunk_ahead(buffer) has returned, and saves computing it again.");

static PyObject *data_hasher_update(PyObject *object, PyObject *arguments) {
    DataHasher *self = (DataHasher *)object;
    Py_buffer buffer, ahead = {0};
    const uint32_t *chunks = NULL;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*|y*:update", &buffer, &ahead))
        return NULL;
    size_t size = (size_t)buffer.len;
    size_t count = (size_t)ahead.len / (2 * sizeof(uint32_t));
    uint32_t *copy = NULL;
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is in update of this DataHasher");
        goto done;
    }
    if (count > 0) {
        /* A copy: it is aligned, and nobody changes it between the check and its use. */
        copy = PyMem_Malloc(count * 2 * sizeof(uint32_t));
        if (!copy) {
            PyErr_NoMemory();
            goto done;
        }
        memcpy(copy, ahead.buf, count * 2 * sizeof(uint32_t));
        if (!is_plausible(copy, count, size)) {
            PyErr_SetString(PyExc_ValueError, "ahead is not what chunk_ahead returns for buffer");
            goto done;
        }
        chunks = copy;
    }
    if (size < SIZE_TO_RELEASE_GIL) {
        stream_update(&self->stream, buffer.buf, size, chunks, chunks + count, count);
    } else {
        self->is_busy = 1;
        Py_BEGIN_ALLOW_THREADS
        stream_update(&self->stream, buffer.buf, size, chunks, chunks + count, count);
        Py_END_ALLOW_THREADS
        self->is_busy = 0;
    }
    result = Py_NewRef(Py_None);
done:
    PyMem_Free(copy);
    PyBuffer_Release(&buffer);
    if (ahead.obj)
        PyBuffer_Release(&ahead);
    return result;
}

/* Returns whether nobody else is in update; if not, an exception is set. */
static int is_idle(const DataHasher *self) {
    if (self->is_busy)
        PyErr_SetString(PyExc_RuntimeError, "another thread is in update of this DataHasher");
    return !self->is_busy;
}

PyDoc_STRVAR(end_chunk_doc,
             "end_chunk(buffer, /)\n--\n\n"
             "Take the next bytes, but only as far as the chunk goes that has not ended yet.\n\n"
             "Returns how many were taken: 0 if none is open. One is open still if all were.");

static PyObject *data_hasher_end_chunk(PyObject *object, PyObject *argument) {
    DataHasher *self = (DataHasher *)object;
    Py_buffer buffer;
    if (!is_idle(self) || PyObject_GetBuffer(argument, &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t taken = 0;
    if (self->stream.open.size > 0)
        taken = take_into_open(&self->stream, buffer.buf, (size_t)buffer.len);
    PyBuffer_Release(&buffer);
    return PyLong_FromSize_t(taken);
}

/* What a part of a stream is known by: whether a chunk has ended, the minima, and the bytes of the
 * chunk that has not. Little-endian, whatever the machine is: parts come from others. */
#define STATE_SIZE (1 + 4 * PERMUTATIONS)

PyDoc_STRVAR(state_doc, "state()\n--\n\n"
                        "Return what join takes: 257 bytes, and the bytes of the open chunk.");

static PyObject *data_hasher_state(PyObject *object, PyObject *Py_UNUSED(none)) {
    DataHasher *self = (DataHasher *)object;
    uint8_t state[STATE_SIZE + MAX_SIZE];
    if (!is_idle(self))
        return NULL;
    const Stream *stream = &self->stream;
    state[0] = stream->is_empty == 0;
    for (int k = 0; k < PERMUTATIONS; k++)
        write_value(state + 1, k, stream->minima[k]);
    memcpy(state + STATE_SIZE, stream->open_bytes, stream->open.size); /* below MAX_SIZE */
    return PyBytes_FromStringAndSize((const char *)state,
                                     (Py_ssize_t)(STATE_SIZE + stream->open.size));
}

PyDoc_STRVAR(join_doc, "join(state, /)\n--\n\n"
                       "Take all bytes of another hasher, which began where a chunk ends in this.\n\n"
                       "Raises ValueError where a chunk is open, or for what is no state.");

static PyObject *data_hasher_join(PyObject *object, PyObject *argument) {
    DataHasher *self = (DataHasher *)object;
    Py_buffer buffer;
    PyObject *result = NULL;
    if (!is_idle(self) || PyObject_GetBuffer(argument, &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    Stream *stream = &self->stream;
    const uint8_t *state = buffer.buf;
    size_t size = (size_t)buffer.len, rest = size - STATE_SIZE;
    Open open = {0, 0};
    /* The open bytes must be such as no chunk ends in: fewer than MAX_SIZE, then. */
    if (stream->open.size > 0 || size < STATE_SIZE || rest >= MAX_SIZE || state[0] > 1 ||
        (rest > 0 && scan(&open, state + STATE_SIZE, rest) > 0)) {
        PyErr_SetString(PyExc_ValueError, "this state cannot be joined here");
        goto done;
    }
    for (int k = 0; k < PERMUTATIONS; k++) {
        uint32_t minimum = read32(state + 1 + 4 * k);
        stream->minima[k] = minimum < stream->minima[k] ? minimum : stream->minima[k];
    }
    stream->is_empty &= !state[0];
    stream->open = open;
    memcpy(stream->open_bytes, state + STATE_SIZE, rest);
    result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&buffer);
    return result;
}

PyDoc_STRVAR(digest_doc, "digest()\n--\n\n"
                         "Return the 256-bit body of the Data-Code of all bytes taken so far.");

static PyObject *data_hasher_digest(PyObject *object, PyObject *Py_UNUSED(none)) {
    DataHasher *self = (DataHasher *)object;
    uint8_t digest[DIGEST_SIZE];
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is in update of this DataHasher");
        return NULL;
    }
    stream_digest(&self->stream, digest);
    return PyBytes_FromStringAndSize((const char *)digest, DIGEST_SIZE);
}

PyDoc_STRVAR(chunk_ahead_doc,
             "chunk_ahead(buffer, /)\n--\n\n"
             "Return the chunks of a buffer as they are if one begins at its first byte.\n\n"
             "Threads call this for parts of one stream that lie behind each other; given to\n"
             "DataHasher.update along with its part, in order, it gives the result of the stream.\n"
             "Native 32-bit numbers: all lengths, then all features.");

static PyObject *chunk_ahead(PyObject *Py_UNUSED(module), PyObject *argument) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(argument, &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result = NULL;
    size_t size = (size_t)buffer.len, room = size / MIN_SIZE + 1, count = 0, at = 0, taken;
    uint32_t *chunks = PyMem_Malloc(2 * room * sizeof(uint32_t));
    if (!chunks) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    Window window;
    const uint8_t *bytes = buffer.buf;
    uint32_t *features = chunks + room;
    while (size > 0 && (taken = next_chunks(&window, bytes + at, size - at)) > 0) {
        memcpy(chunks + count, window.lengths, window.count * sizeof(uint32_t));
        memcpy(features + count, window.features, window.count * sizeof(uint32_t));
        count += window.count;
        at += taken;
    }
    memmove(chunks + count, features, count * sizeof(uint32_t));
    Py_END_ALLOW_THREADS
    result = PyBytes_FromStringAndSize((const char *)chunks,
                                       (Py_ssize_t)(2 * count * sizeof(uint32_t)));
done:
    PyMem_Free(chunks);
    PyBuffer_Release(&buffer);
    return result;
}

/* --- Many small files ------------------------------------------------------------------------- */

/* Files that lie somewhere in one buffer, in any order: where each starts and how many bytes it has.
 * Three objects: the bytes, and two of int64. */
typedef struct {
    Py_buffer bytes, starts_buffer, sizes_buffer;
    uint64_t *starts, *sizes; /* copies: aligned, and not changed between the check and the use */
    size_t count, total, chunks; /* files; bytes and BLAKE3's chunks of all of them */
} Files;

static void files_release(Files *files) {
    PyMem_Free(files->starts);
    PyBuffer_Release(&files->bytes);
    PyBuffer_Release(&files->starts_buffer);
    PyBuffer_Release(&files->sizes_buffer);
}

/* Checks the three buffers of `files`. Returns 0, or -1 with an exception set and all released. */
static int files_check(Files *files) {
    size_t room = (size_t)files->bytes.len, length = (size_t)files->sizes_buffer.len;
    files->count = length / sizeof(int64_t);
    files->total = files->chunks = 0;
    files->starts = PyMem_Malloc(2 * length + 1);
    if (!files->starts) {
        PyErr_NoMemory();
        files_release(files);
        return -1;
    }
    files->sizes = files->starts + files->count;
    /* No more files than have room for their digests and values: the caller's sums cannot overflow. */
    int fits = (size_t)files->starts_buffer.len == length && length % sizeof(int64_t) == 0 &&
               files->count <= PY_SSIZE_T_MAX / (4 * BLAKE3_SIZE);
    if (fits) {
        memcpy(files->starts, files->starts_buffer.buf, length);
        memcpy(files->sizes, files->sizes_buffer.buf, length);
    }
    for (size_t i = 0; fits && i < files->count; i++) {
        /* Overlapping files could add up to more than a size can say, long before memory ends. */
        fits = files->starts[i] <= room && files->sizes[i] <= room - files->starts[i] &&
               files->sizes[i] <= PY_SSIZE_T_MAX / 4 - files->total;
        files->total += (size_t)files->sizes[i];
        files->chunks += chunks_of((size_t)files->sizes[i]);
    }
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "the files do not lie in the buffer");
        files_release(files);
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(blake3_files_doc,
             "blake3_files(buffer, starts, sizes, /)\n--\n\n"
             "Return the BLAKE3-256 of files that lie in the buffer, 32 bytes each.\n\n"
             "`starts` and `sizes` are buffers of int64.");

static PyObject *py_blake3_files(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Files files;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*:blake3_files", &files.bytes, &files.starts_buffer,
                          &files.sizes_buffer))
        return NULL;
    if (files_check(&files))
        return NULL;
    uint8_t *values = PyMem_Malloc(2 * files.chunks * BLAKE3_SIZE + 1);
    uint8_t *digests = PyMem_Malloc(files.count * BLAKE3_SIZE + 1);
    size_t *left = PyMem_Malloc(files.count * sizeof *left + 1);
    if (values && digests && left) {
        Py_BEGIN_ALLOW_THREADS
        blake3_files(files.bytes.buf, files.starts, files.sizes, files.count, values,
                     values + files.chunks * BLAKE3_SIZE, left, digests);
        Py_END_ALLOW_THREADS
        result = PyBytes_FromStringAndSize((const char *)digests,
                                           (Py_ssize_t)(files.count * BLAKE3_SIZE));
    } else {
        PyErr_NoMemory();
    }
    PyMem_Free(values);
    PyMem_Free(digests);
    PyMem_Free(left);
    files_release(&files);
    return result;
}

PyDoc_STRVAR(blake3_lanes_doc,
             "blake3_lanes(most, /)\n--\n\n"
             "Have at most so many blocks hashed at once, for tests; return how many are.");

static PyObject *py_blake3_lanes(PyObject *Py_UNUSED(module), PyObject *most) {
    size_t wanted = PyLong_AsSize_t(most);
    if (wanted == (size_t)-1 && PyErr_Occurred())
        return NULL;
    choose_lanes(wanted);
    return PyLong_FromSize_t(lanes_at_once);
}

PyDoc_STRVAR(chunk_lanes_doc,
             "chunk_lanes(most, /)\n--\n\n"
             "Have at most so many stretches chunked at once, for tests; return how many are.");

static PyObject *py_chunk_lanes(PyObject *Py_UNUSED(module), PyObject *most) {
    size_t wanted = PyLong_AsSize_t(most);
    if (wanted == (size_t)-1 && PyErr_Occurred())
        return NULL;
    choose_stretches(wanted);
    return PyLong_FromSize_t(stretches_at_once);
}

PyDoc_STRVAR(blake3_subtrees_doc,
             "blake3_subtrees(buffer, counter, /)\n--\n\n"
             "Return the largest subtrees of BLAKE3 that bytes from chunk `counter` on make.\n\n"
             "33 bytes each, from left to right: the level, and the chaining value. Of 1024 bytes\n"
             "each, only the last chunk may be short: the one that ends the stream.");

static PyObject *py_blake3_subtrees(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer buffer;
    unsigned long long counter;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*K:blake3_subtrees", &buffer, &counter))
        return NULL;
    size_t size = (size_t)buffer.len, room = BLAKE3_SIZE * chunks_of(size), count = 0;
    uint8_t *values = NULL, *others = NULL;
    Subtree trees[B3_SUBTREES];
    if (size == 0 || counter >= B3_MOST_CHUNKS || chunks_of(size) > B3_MOST_CHUNKS - counter) {
        PyErr_SetString(PyExc_ValueError, "there is no such part of a stream");
        goto done;
    }
    values = PyMem_Malloc(room);
    others = PyMem_Malloc(room);
    if (!values || !others) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    count = blake3_subtrees(buffer.buf, size, counter, values, others, trees);
    Py_END_ALLOW_THREADS
    result = PyBytes_FromStringAndSize((const char *)trees, (Py_ssize_t)(count * sizeof *trees));
done:
    PyMem_Free(values);
    PyMem_Free(others);
    PyBuffer_Release(&buffer);
    return result;
}

PyDoc_STRVAR(blake3_parent_doc,
             "blake3_parent(pair, is_root, /)\n--\n\n"
             "Return the value of the parent of two subtrees, whose values make 64 bytes.");

static PyObject *py_blake3_parent(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer pair;
    int is_root;
    uint8_t value[BLAKE3_SIZE];
    if (!PyArg_ParseTuple(arguments, "y*p:blake3_parent", &pair, &is_root))
        return NULL;
    int fits = pair.len == BLAKE3_BLOCK;
    if (fits)
        blake3_parent(pair.buf, is_root ? ROOT : 0, value);
    else
        PyErr_SetString(PyExc_ValueError, "these are not two values");
    PyBuffer_Release(&pair);
    return fits ? PyBytes_FromStringAndSize((const char *)value, BLAKE3_SIZE) : NULL;
}

PyDoc_STRVAR(data_files_doc,
             "data_files(buffer, starts, sizes, /)\n--\n\n"
             "Return the 256-bit Data-Code of each file, 32 bytes each, and their chunks.\n\n"
             "The files lie in the buffer; `starts` and `sizes` are buffers of int64. The chunks\n"
             "are what DataHasher.update_files takes: native 32-bit numbers, the chunks in each\n"
             "file, then all lengths, then all features.");

static PyObject *data_files(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Files files;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*:data_files", &files.bytes, &files.starts_buffer,
                          &files.sizes_buffer))
        return NULL;
    if (files_check(&files))
        return NULL;
    /* Every chunk that ends in its file has more than MIN_SIZE bytes. */
    size_t room = files.total / MIN_SIZE + 1, all = 0;
    uint32_t *chunks = PyMem_Malloc((files.count + 2 * room) * sizeof *chunks);
    uint8_t *digests = PyMem_Malloc(files.count * DIGEST_SIZE + 1);
    Stream *stream = PyMem_Malloc(sizeof *stream);
    if (!chunks || !digests || !stream) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    Window window;
    uint32_t *lengths = chunks + files.count, *features = lengths + room;
    for (size_t i = 0; i < files.count; i++) {
        const uint8_t *bytes = (const uint8_t *)files.bytes.buf + files.starts[i];
        size_t size = (size_t)files.sizes[i], at = 0, before = all, taken;
        stream_begin(stream);
        while (at < size && (taken = next_chunks(&window, bytes + at, size - at)) > 0) {
            memcpy(lengths + all, window.lengths, window.count * sizeof *lengths);
            memcpy(features + all, window.features, window.count * sizeof *features);
            take_features(stream, window.features, window.count);
            all += window.count;
            at += taken;
        }
        stream_update(stream, bytes + at, size - at, NULL, NULL, 0);
        stream_digest(stream, digests + DIGEST_SIZE * i);
        chunks[i] = (uint32_t)(all - before);
    }
    memmove(lengths + all, features, all * sizeof *features);
    Py_END_ALLOW_THREADS
    result = Py_BuildValue("y#y#", (const char *)digests, (Py_ssize_t)(files.count * DIGEST_SIZE),
                           (const char *)chunks,
                           (Py_ssize_t)((files.count + 2 * all) * sizeof *chunks));
done:
    PyMem_Free(chunks);
    PyMem_Free(digests);
    PyMem_Free(stream);
    files_release(&files);
    return result;
}

PyDoc_STRVAR(update_files_doc,
             "update_files(buffer, starts, sizes, chunks, /)\n--\n\n"
             "Take files, one after another, with the chunks that data_files has found in them.");

static PyObject *data_hasher_update_files(PyObject *object, PyObject *arguments) {
    DataHasher *self = (DataHasher *)object;
    Files files;
    Py_buffer found;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*:update_files", &files.bytes, &files.starts_buffer,
                          &files.sizes_buffer, &found))
        return NULL;
    if (files_check(&files)) {
        PyBuffer_Release(&found);
        return NULL;
    }
    size_t numbers = (size_t)found.len / sizeof(uint32_t), all = 0, at = 0;
    uint32_t *chunks = PyMem_Malloc(numbers * sizeof *chunks + 1);
    if (!chunks) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(chunks, found.buf, numbers * sizeof *chunks);
    int is_sound = numbers >= files.count;
    for (size_t i = 0; is_sound && i < files.count; i++) {
        is_sound = chunks[i] <= numbers - all;
        all += chunks[i]; /* no more than `numbers` while is_sound */
    }
    is_sound = is_sound && numbers == files.count + 2 * all;
    const uint32_t *lengths = chunks + files.count, *features = lengths + all;
    for (size_t i = 0; is_sound && i < files.count; at += chunks[i++])
        is_sound = is_plausible(lengths + at, chunks[i], (size_t)files.sizes[i]);
    if (!is_sound) {
        PyErr_SetString(PyExc_ValueError, "chunks are not what data_files returns for buffer");
        goto done;
    }
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is in update of this DataHasher");
        goto done;
    }
    self->is_busy = 1;
    Py_BEGIN_ALLOW_THREADS
    at = 0;
    for (size_t i = 0; i < files.count; at += chunks[i++])
        stream_update(&self->stream, (const uint8_t *)files.bytes.buf + files.starts[i],
                      (size_t)files.sizes[i], lengths + at, features + at, chunks[i]);
    Py_END_ALLOW_THREADS
    self->is_busy = 0;
    result = Py_NewRef(Py_None);
done:
    PyMem_Free(chunks);
    PyBuffer_Release(&found);
    files_release(&files);
    return result;
}

/* For tests: what the algorithm's parameters are, to be compared with iscc-core's. */
static int add_numbers(PyObject *module, const char *name, const void *numbers, size_t size,
                       size_t each) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)size);
    for (size_t i = 0; tuple && i < size; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(
            each == 4 ? ((const uint32_t *)numbers)[i] : ((const uint64_t *)numbers)[i]);
        if (!number || PyTuple_SetItem(tuple, (Py_ssize_t)i, number) < 0)
            Py_CLEAR(tuple);
    }
    int failed = !tuple || PyModule_AddObjectRef(module, name, tuple) < 0;
    Py_XDECREF(tuple);
    return failed ? -1 : 0;
}

static PyMethodDef data_hasher_methods[] = {
    {"update", data_hasher_update, METH_VARARGS, update_doc},
    {"update_files", data_hasher_update_files, METH_VARARGS, update_files_doc},
    {"end_chunk", data_hasher_end_chunk, METH_O, end_chunk_doc},
    {"state", data_hasher_state, METH_NOARGS, state_doc},
    {"join", data_hasher_join, METH_O, join_doc},
    {"digest", data_hasher_digest, METH_NOARGS, digest_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot data_hasher_slots[] = {
    {Py_tp_doc, (void *)"The Data-Code of a stream of bytes (ISO 24138:2024)."},
    {Py_tp_new, (void *)data_hasher_new},
    {Py_tp_dealloc, (void *)data_hasher_dealloc},
    {Py_tp_methods, data_hasher_methods},
    {0, NULL},
};

static PyType_Spec data_hasher_spec = {
    .name = "crate_iscc.kernel._native.DataHasher",
    .basicsize = sizeof(DataHasher),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = data_hasher_slots,
};

static int module_exec(PyObject *module) {
    fill_shifted();
    choose_lanes(B3_LANES);
    choose_stretches(LANES);
    static const uint32_t parameters[] = {MIN_SIZE, MAX_SIZE, CENTRE_SIZE, STRICT_MASK, LOOSE_MASK};
    PyObject *type = PyType_FromModuleAndSpec(module, &data_hasher_spec, NULL);
    int failed = !type || PyModule_AddType(module, (PyTypeObject *)type) < 0 ||
                 PyModule_AddIntConstant(module, "BLAKE3_LANES", B3_LANES) < 0 ||
                 add_numbers(module, "PARAMETERS", parameters, 5, 4) < 0 ||
                 add_numbers(module, "GEAR", GEAR, 256, 4) < 0 ||
                 add_numbers(module, "MPA", MPA, PERMUTATIONS, 8) < 0 ||
                 add_numbers(module, "MPB", MPB, PERMUTATIONS, 8) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyMethodDef module_methods[] = {
    {"chunk_ahead", chunk_ahead, METH_O, chunk_ahead_doc},
    {"chunk_lanes", py_chunk_lanes, METH_O, chunk_lanes_doc},
    {"blake3_files", py_blake3_files, METH_VARARGS, blake3_files_doc},
    {"blake3_lanes", py_blake3_lanes, METH_O, blake3_lanes_doc},
    {"blake3_subtrees", py_blake3_subtrees, METH_VARARGS, blake3_subtrees_doc},
    {"blake3_parent", py_blake3_parent, METH_VARARGS, blake3_parent_doc},
    {"data_files", data_files, METH_VARARGS, data_files_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "crate_iscc.kernel._native",
    .m_doc = "The Data-Code of ISO 24138:2024 in C.",
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&module_def);
}

/* Counts the differing bits of many codes: one code against all, and all against all.
 *
 * Codes lie one behind the other, each `width` bytes long. Distances are sums over whole 64-bit
 * words: exclusive or, then a population count. A machine with the instruction for that does a
 * thousand million words in a second; where a compiler does not say so, the count is done by shifts
 * and masks. Nothing is skipped and nothing is approximate.
 *
 * One C11 file in Python's limited API, as _native.c is; reference.py says the same in Python.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(CRATE_ISCC_PLAIN_C)
#define INLINE inline __attribute__((always_inline))
#define COUNT(word) ((uint32_t)__builtin_popcountll(word))
#if defined(__x86_64__)
#define FOR_POPCNT __attribute__((target("popcnt")))
#endif
#else
#define INLINE inline
static INLINE uint32_t COUNT(uint64_t word) {
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (uint32_t)((word * 0x0101010101010101u) >> 56);
}
#endif

#define MOST_BYTES 32
#define ROWS 128 /* that stay in the first cache while all columns pass by */
#define UNSET 0xFFFFu

static INLINE uint32_t distance(const uint8_t *one, const uint8_t *two, size_t length) {
    uint32_t bits = 0;
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t a, b;
        memcpy(&a, one + at, 8);
        memcpy(&b, two + at, 8);
        bits += COUNT(a ^ b);
    }
    if (at < length) { /* codes come in steps of four bytes */
        uint32_t a, b;
        memcpy(&a, one + at, 4);
        memcpy(&b, two + at, 4);
        bits += COUNT((uint64_t)(a ^ b));
    }
    return bits;
}

/* --- One against all ------------------------------------------------------------------------- */

static INLINE void measure(const uint8_t *codes, size_t count, size_t stride, const uint8_t *query,
                           size_t length, uint16_t *distances, uint64_t *histogram) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = distance(codes + i * stride, query, length);
        distances[i] = (uint16_t)bits;
        histogram[bits]++;
    }
}

#define MEASURE(name, attribute)                                                                  \
    attribute static void name(const uint8_t *codes, size_t count, size_t stride,                 \
                               const uint8_t *query, size_t length, uint16_t *distances,          \
                               uint64_t *histogram) {                                             \
        switch (length) { /* with a length that it knows, the compiler unrolls */                 \
        case 8: measure(codes, count, stride, query, 8, distances, histogram); break;             \
        case 16: measure(codes, count, stride, query, 16, distances, histogram); break;           \
        case 32: measure(codes, count, stride, query, 32, distances, histogram); break;           \
        default: measure(codes, count, stride, query, length, distances, histogram);              \
        }                                                                                         \
    }

MEASURE(measure_plainly, )
#ifdef FOR_POPCNT
MEASURE(measure_quickly, FOR_POPCNT)
#endif

/* --- All against all ------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *codes;
    size_t count, width, first, last;
    uint32_t limit;
    uint32_t *parents, *nearest;
    uint16_t *distances;
    uint64_t pairs;
} Join;

static uint32_t root_of(uint32_t *parents, uint32_t number) {
    while (parents[number] != number) {
        parents[number] = parents[parents[number]];
        number = parents[number];
    }
    return number;
}

/* The smaller number becomes the root, so that the result depends on no order. */
static void unite(uint32_t *parents, uint32_t one, uint32_t two) {
    one = root_of(parents, one);
    two = root_of(parents, two);
    if (one < two)
        parents[two] = one;
    else
        parents[one] = two;
}

static void note(Join *join, uint32_t of, uint32_t other, uint32_t bits) {
    if (bits < join->distances[of] || (bits == join->distances[of] && other < join->nearest[of])) {
        join->distances[of] = (uint16_t)bits;
        join->nearest[of] = other;
    }
}

static void found(Join *join, uint32_t one, uint32_t two, uint32_t bits) {
    unite(join->parents, one, two);
    note(join, one, two, bits);
    note(join, two, one, bits);
    join->pairs++;
}

static INLINE void join_all(Join *join, size_t width) {
    for (size_t top = join->first; top < join->last; top += ROWS) {
        size_t end = top + ROWS < join->last ? top + ROWS : join->last;
        for (size_t column = top + 1; column < join->count; column++) {
            const uint8_t *code = join->codes + column * width;
            size_t stop = column < end ? column : end;
            for (size_t row = top; row < stop; row++) {
                uint32_t bits = distance(join->codes + row * width, code, width);
                if (bits <= join->limit)
                    found(join, (uint32_t)row, (uint32_t)column, bits);
            }
        }
    }
}

#define JOIN(name, attribute)                                                                     \
    attribute static void name(Join *join) {                                                      \
        switch (join->width) {                                                                    \
        case 8: join_all(join, 8); break;                                                         \
        case 16: join_all(join, 16); break;                                                       \
        case 32: join_all(join, 32); break;                                                       \
        default: join_all(join, join->width);                                                     \
        }                                                                                         \
    }

JOIN(join_plainly, )
#ifdef FOR_POPCNT
JOIN(join_quickly, FOR_POPCNT)
#endif

/* --- Python ---------------------------------------------------------------------------------- */

static int has_popcnt(void) {
#ifdef FOR_POPCNT
    __builtin_cpu_init();
    return __builtin_cpu_supports("popcnt") != 0;
#else
    return 0;
#endif
}

static int valid_length(Py_ssize_t length) {
    return length >= 4 && length <= MOST_BYTES && length % 4 == 0;
}

PyDoc_STRVAR(nearest_doc,
             "nearest(codes, stride, query, limit, most, /)\n--\n\n"
             "The codes within `limit` bits of a query, nearest first, of equal ones in order: at\n"
             "most so many pairs of number and distance. As many bytes of each count as the query has.");

static PyObject *nearest(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer codes, query;
    Py_ssize_t stride, most;
    long limit;
    if (!PyArg_ParseTuple(arguments, "y*ny*ln:nearest", &codes, &stride, &query, &limit, &most))
        return NULL;
    PyObject *result = NULL;
    uint16_t *distances = NULL;
    if (!valid_length(query.len) || stride < query.len || codes.len % stride || most < 0) {
        PyErr_SetString(PyExc_ValueError, "no such codes: their lengths do not fit together");
        goto done;
    }
    size_t count = (size_t)(codes.len / stride);
    distances = malloc((count ? count : 1) * sizeof *distances);
    if (!distances) {
        PyErr_NoMemory();
        goto done;
    }
    uint64_t histogram[8 * MOST_BYTES + 1] = {0};
    int quick = has_popcnt();
    Py_BEGIN_ALLOW_THREADS
#ifdef FOR_POPCNT
    if (quick)
        measure_quickly(codes.buf, count, (size_t)stride, query.buf, (size_t)query.len, distances,
                        histogram);
    else
#endif
        measure_plainly(codes.buf, count, (size_t)stride, query.buf, (size_t)query.len, distances,
                        histogram);
    Py_END_ALLOW_THREADS
    (void)quick;
    /* How many of each distance are wanted, and the place of the first of them. */
    size_t places[8 * MOST_BYTES + 2] = {0};
    size_t wanted = 0;
    long cut = -1;
    for (long bits = 0; bits <= limit && bits <= 8 * MOST_BYTES && wanted < (size_t)most; bits++) {
        places[bits] = wanted;
        size_t left = (size_t)most - wanted;
        wanted += histogram[bits] < left ? (size_t)histogram[bits] : left;
        cut = bits;
        places[bits + 1] = wanted;
    }
    result = PyList_New((Py_ssize_t)wanted);
    if (!result)
        goto done;
    size_t ends[8 * MOST_BYTES + 2];
    memcpy(ends, places, sizeof ends);
    size_t set = 0;
    for (size_t i = 0; i < count && set < wanted; i++) {
        long bits = distances[i];
        if (bits > cut || places[bits] >= ends[bits + 1])
            continue;
        PyObject *pair = Py_BuildValue("nl", (Py_ssize_t)i, bits);
        if (!pair || PyList_SetItem(result, (Py_ssize_t)places[bits], pair) < 0) {
            Py_CLEAR(result);
            goto done;
        }
        places[bits]++;
        set++;
    }
done:
    free(distances);
    PyBuffer_Release(&codes);
    PyBuffer_Release(&query);
    return result;
}

PyDoc_STRVAR(join_doc,
             "join(codes, width, limit, first, last, parents, nearest, distances, /)\n--\n\n"
             "Join each code of the rows from `first` up to `last` with every later code within\n"
             "`limit` bits: in `parents` (uint32), a forest of the numbers. Keep the nearest of each\n"
             "in `nearest` (uint32) and `distances` (uint16). Return the number of such pairs.");

static int fits(const Py_buffer *buffer, Py_ssize_t count, Py_ssize_t size) {
    /* What has no element need not lie where one could. */
    return buffer->len == count * size &&
           (count == 0 || (uintptr_t)buffer->buf % (uintptr_t)size == 0);
}

static PyObject *join(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer codes, parents, closest, distances;
    Py_ssize_t width, first, last;
    long limit;
    if (!PyArg_ParseTuple(arguments, "y*nlnnw*w*w*:join", &codes, &width, &limit, &first, &last,
                          &parents, &closest, &distances))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t count = valid_length(width) ? codes.len / width : -1;
    int sound = count >= 0 && codes.len == count * width && first >= 0 && last >= first &&
                last <= count && limit >= 0 && limit < (long)UNSET && fits(&parents, count, 4) &&
                fits(&closest, count, 4) && fits(&distances, count, 2);
    for (Py_ssize_t i = 0; sound && i < count; i++)
        sound = ((uint32_t *)parents.buf)[i] <= (uint32_t)i; /* a forest: nothing runs in circles */
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "the codes and the columns do not fit together");
    } else {
        Join all = {codes.buf,       (size_t)count, (size_t)width, (size_t)first, (size_t)last,
                    (uint32_t)limit, parents.buf,   closest.buf,   distances.buf, 0};
        int quick = has_popcnt();
        Py_BEGIN_ALLOW_THREADS
#ifdef FOR_POPCNT
        if (quick)
            join_quickly(&all);
        else
#endif
            join_plainly(&all);
        Py_END_ALLOW_THREADS
        (void)quick;
        result = PyLong_FromUnsignedLongLong(all.pairs);
    }
    PyBuffer_Release(&codes);
    PyBuffer_Release(&parents);
    PyBuffer_Release(&closest);
    PyBuffer_Release(&distances);
    return result;
}

static PyMethodDef module_methods[] = {
    {"join", join, METH_VARARGS, join_doc},
    {"nearest", nearest, METH_VARARGS, nearest_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "crate_iscc.hamming._hamming",
    .m_doc = "Hamming distances of many codes, in C.",
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__hamming(void) {
    return PyModuleDef_Init(&module_def);
}

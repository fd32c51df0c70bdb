/* Prints what the kernel computes, as a program that needs no Python: for processors that are not
 * here. Linked without Python's functions, of which it calls none.
 *
 * digests CONTENT STEP SIZE...: a line for the Data-Code of the content that is taken STEP bytes at a
 * time, one for that with each piece chunked ahead, and one for the Data-Code and one for the BLAKE3
 * of each file: files have the sizes given and lie behind each other in the content. */
#include "_native.c"

#include <stdio.h>
#include <stdlib.h>

static void print(const uint8_t digest[32]) {
    for (int i = 0; i < 32; i++)
        printf("%02x", digest[i]);
    printf("\n");
}

static void *room(size_t size) {
    void *memory = malloc(size + 1);
    if (!memory)
        exit(2);
    return memory;
}

static Stream stream;
static Window window;

static void take(const uint8_t *bytes, size_t size, int is_ahead) {
    uint32_t *lengths = room((size / MIN_SIZE + 1) * sizeof *lengths);
    uint32_t *features = room((size / MIN_SIZE + 1) * sizeof *features);
    size_t count = 0, at = 0, taken;
    while (is_ahead && size > 0 && (taken = next_chunks(&window, bytes + at, size - at)) > 0) {
        memcpy(lengths + count, window.lengths, window.count * sizeof *lengths);
        memcpy(features + count, window.features, window.count * sizeof *features);
        count += window.count;
        at += taken;
    }
    stream_update(&stream, bytes, size, lengths, features, count);
    free(lengths);
    free(features);
}

static void print_data_code(const uint8_t *bytes, size_t size, size_t step, int is_ahead) {
    uint8_t digest[DIGEST_SIZE];
    stream_begin(&stream);
    for (size_t at = 0; at < size; at += step)
        take(bytes + at, size - at < step ? size - at : step, is_ahead);
    stream_digest(&stream, digest);
    print(digest);
}

int main(int argc, char **argv) {
    FILE *file = argc > 2 ? fopen(argv[1], "rb") : NULL;
    if (!file || fseek(file, 0, SEEK_END))
        return 2;
    size_t size = (size_t)ftell(file), count = (size_t)argc - 3, chunks = 0, at = 0;
    size_t step = (size_t)atoll(argv[2]);
    uint8_t *bytes = room(size);
    rewind(file);
    if (fread(bytes, 1, size, file) != size)
        return 2;
    fill_shifted(); /* as the module does when it is loaded */
    print_data_code(bytes, size, step, 0);
    print_data_code(bytes, size, step, 1);

    uint64_t *starts = room(count * sizeof *starts), *sizes = room(count * sizeof *sizes);
    for (size_t i = 0; i < count; i++) {
        starts[i] = at;
        sizes[i] = (uint64_t)atoll(argv[3 + i]);
        at += sizes[i];
        chunks += chunks_of(sizes[i]);
        if (at > size)
            return 2;
        print_data_code(bytes + starts[i], sizes[i], sizes[i], 1);
    }
    uint8_t *digests = room(count * BLAKE3_SIZE);
    blake3_files(bytes, starts, sizes, count, room(chunks * BLAKE3_SIZE), room(chunks * BLAKE3_SIZE),
                 room(count * sizeof(size_t)), digests);
    for (size_t i = 0; i < count; i++)
        print(digests + BLAKE3_SIZE * i);
    return 0;
}

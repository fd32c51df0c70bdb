/* Makes the Nth system call that concerns one folder fail, as a broken disk would; or has something
 * done just before it, as another process might.
 *
 * To be preloaded (LD_PRELOAD): each function here stands before the one of the C library. Nothing
 * fails until fault_arm is called. A call counts if it is of a chosen kind and if its path or its
 * open file lies in the folder. What goes by syscall(2), or is called inside of the C library, is
 * not seen: so readdir stands for getdents, and opendir for the open in it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX], kinds[256], struck[PATH_MAX + 32];
static long nth;
static int failure, persists;
static void (*deed)(void);
static atomic_long counted;

/* `chosen` are kinds with a blank around each; with `on_and_on` all later calls fail as well. */
void fault_arm(const char *place, const char *chosen, long number, int error, int on_and_on) {
    snprintf(folder, sizeof folder, "%s", place);
    snprintf(kinds, sizeof kinds, "%s", chosen);
    nth = number;
    failure = error;
    persists = on_and_on;
}

void fault_disarm(void) { nth = 0; }

/* The Nth call does not fail then: `what` is done before it. */
void fault_do(void (*what)(void)) { deed = what; }

/* The kind and the path of the first call that was made to fail, or nothing. */
const char *fault_struck(void) { return struck; }

static int strikes(const char *kind, int at, const char *path) {
    char place[2 * PATH_MAX], spaced[32];
    long number = nth;
    size_t length;
    if (!number)
        return 0;
    snprintf(spaced, sizeof spaced, " %s ", kind);
    if (!strstr(kinds, spaced))
        return 0;
    int saved = errno;
    if (path && path[0] == '/') {
        snprintf(place, sizeof place, "%s", path);
    } else {
        char link[64];
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        ssize_t got = readlink(link, place, PATH_MAX - 1);
        length = got < 0 ? 0 : (size_t)got;
        place[length] = '\0';
        if (path && *path)
            snprintf(place + length, sizeof place - length, "/%s", path);
    }
    errno = saved;
    length = strlen(folder);
    if (strncmp(place, folder, length) || (place[length] && place[length] != '/'))
        return 0;
    long now = atomic_fetch_add(&counted, 1) + 1;
    if (now != number && !(persists && now > number))
        return 0;
    if (now == number)
        snprintf(struck, sizeof struck, "%s %.*s", kind, PATH_MAX, place + length);
    if (deed) {
        nth = 0; /* what is done now makes calls itself */
        deed();
        errno = saved;
        return 0;
    }
    errno = failure;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        return strikes("open", AT_FDCWD, path) ? -1 : REAL(name)(path, flags, mode);               \
    }
#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...) {                                           \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        return strikes("open", at, path) ? -1 : REAL(name)(at, path, flags, mode);                 \
    }
#define FAIL(kind, at, path, result, name, parameters, arguments)                                  \
    result name parameters { return strikes(kind, at, path) ? (result)-1 : REAL(name) arguments; }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FAIL("read", f, 0, ssize_t, read, (int f, void *to, size_t n), (f, to, n))
FAIL("read", f, 0, ssize_t, pread, (int f, void *to, size_t n, off_t o), (f, to, n, o))
FAIL("read", f, 0, ssize_t, pread64, (int f, void *to, size_t n, off64_t o), (f, to, n, o))
FAIL("read", f, 0, ssize_t, preadv, (int f, const struct iovec *v, int n, off_t o), (f, v, n, o))
FAIL("read", f, 0, ssize_t, preadv64, (int f, const struct iovec *v, int n, off64_t o),
     (f, v, n, o))
FAIL("read", f, 0, ssize_t, preadv2, (int f, const struct iovec *v, int n, off_t o, int g),
     (f, v, n, o, g))
FAIL("read", f, 0, ssize_t, preadv64v2, (int f, const struct iovec *v, int n, off64_t o, int g),
     (f, v, n, o, g))
FAIL("write", f, 0, ssize_t, write, (int f, const void *from, size_t n), (f, from, n))
FAIL("fsync", f, 0, int, fsync, (int f), (f))
FAIL("mmap", f, 0, void *, mmap, (void *a, size_t n, int p, int g, int f, off_t o),
     (a, n, p, g, f, o))
FAIL("mmap", f, 0, void *, mmap64, (void *a, size_t n, int p, int g, int f, off64_t o),
     (a, n, p, g, f, o))
FAIL("stat", f, 0, int, fstat, (int f, struct stat *s), (f, s))
FAIL("stat", f, 0, int, fstat64, (int f, struct stat64 *s), (f, s))
FAIL("stat", AT_FDCWD, p, int, stat, (const char *p, struct stat *s), (p, s))
FAIL("stat", AT_FDCWD, p, int, stat64, (const char *p, struct stat64 *s), (p, s))
FAIL("stat", AT_FDCWD, p, int, lstat, (const char *p, struct stat *s), (p, s))
FAIL("stat", AT_FDCWD, p, int, lstat64, (const char *p, struct stat64 *s), (p, s))
FAIL("stat", at, p, int, fstatat, (int at, const char *p, struct stat *s, int g), (at, p, s, g))
FAIL("stat", at, p, int, fstatat64, (int at, const char *p, struct stat64 *s, int g),
     (at, p, s, g))
FAIL("rename", AT_FDCWD, to, int, rename, (const char *from, const char *to), (from, to))
FAIL("rename", t, to, int, renameat, (int f, const char *from, int t, const char *to),
     (f, from, t, to))
FAIL("remove", AT_FDCWD, p, int, unlink, (const char *p), (p))
FAIL("remove", at, p, int, unlinkat, (int at, const char *p, int g), (at, p, g))
FAIL("remove", AT_FDCWD, p, int, rmdir, (const char *p), (p))
FAIL("mkdir", AT_FDCWD, p, int, mkdir, (const char *p, mode_t m), (p, m))
FAIL("mode", AT_FDCWD, p, int, chmod, (const char *p, mode_t m), (p, m))
FAIL("mode", at, p, int, fchmodat, (int at, const char *p, mode_t m, int g), (at, p, m, g))
FAIL("mode", f, 0, int, fchmod, (int f, mode_t m), (f, m))
FAIL("mode", at, p, int, utimensat, (int at, const char *p, const struct timespec t[2], int g),
     (at, p, t, g))
FAIL("lock", f, 0, int, flock, (int f, int o), (f, o))

/* These say that they failed by a null pointer. */
#undef FAIL
#define FAIL(kind, at, path, result, name, parameters, arguments)                                  \
    result name parameters { return strikes(kind, at, path) ? NULL : REAL(name) arguments; }
FAIL("getdents", dirfd(d), 0, struct dirent *, readdir, (DIR *d), (d))
FAIL("getdents", dirfd(d), 0, struct dirent64 *, readdir64, (DIR *d), (d))
FAIL("open", AT_FDCWD, p, DIR *, opendir, (const char *p), (p))
FAIL("stat", f, 0, DIR *, fdopendir, (int f), (f))

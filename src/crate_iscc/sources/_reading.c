/* Lists folders, reads many small files in one call, and maps large ones so that a file that is cut
 * does no harm.
 *
 * Opening, examining and reading a small file takes the system a few microseconds, and Python
 * several times as long. list_folder and read_files do it for hundreds of files while other threads
 * run. What is checked of each file is what sources/directory.py checks of one (see FileStream).
 *
 * MappedFile gives the bytes of a file without copying them. If a mapped file is cut, or its disk
 * fails, the system sends SIGBUS to whoever touches a byte that is not there. The handler here puts
 * zeros in the place of the missing bytes and remembers that, so that the reader ends as usual, asks
 * is_whole, and throws its result away.
 *
 * POSIX only, C11, Python's limited API. Elsewhere Python does the reading.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <Python.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__APPLE__)
#define MTIME(status) ((status)->st_mtimespec)
#define CTIME(status) ((status)->st_ctimespec)
#else
#define MTIME(status) ((status)->st_mtim)
#define CTIME(status) ((status)->st_ctim)
#endif

/* --- Small files ----------------------------------------------------------------------------- */

/* What became of a file: 0 if all of it was read, an errno above 0, or one of these. */
enum { CHANGED = -1, CUT = -2, NOT_REGULAR = -3 };

/* A file as it was listed: StatKey's numbers, which EntryTable keeps as unsigned words. */
typedef struct {
    uint64_t mtime_ns, ctime_ns, inode, device;
} Listed;

static uint64_t nanoseconds(const struct timespec *moment) {
    return (uint64_t)moment->tv_sec * 1000000000u + (uint64_t)moment->tv_nsec;
}

static Listed state_of(const struct stat *status) {
    Listed state = {nanoseconds(&MTIME(status)), nanoseconds(&CTIME(status)),
                    (uint64_t)status->st_ino, (uint64_t)status->st_dev};
    return state;
}

/* Returns 0 if a file is as it was listed; a change of its permissions alone (ctime) is none. */
static int check(const struct stat *status, const Listed *listed, uint64_t size) {
    Listed now = state_of(status);
    if (!S_ISREG(status->st_mode))
        return NOT_REGULAR;
    if ((uint64_t)status->st_size != size || now.mtime_ns != listed->mtime_ns ||
        now.inode != listed->inode || now.device != listed->device)
        return CHANGED;
    return 0;
}

/* Reads one file of `size` bytes to `into`, and returns what became of it. */
static int read_file(int folder, const char *path, const Listed *listed, uint64_t size,
                     uint8_t *into) {
    struct stat status;
    uint64_t opened_ns = 0;
    /* O_NONBLOCK: opening a pipe must not wait for a writer. */
    int file = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return errno;
    int result = fstat(file, &status) ? errno : check(&status, listed, size);
    if (result == 0)
        opened_ns = state_of(&status).ctime_ns;
    for (uint64_t done = 0; result == 0 && done < size;) {
        /* macOS refuses to read 2 GiB at once. */
        uint64_t left = size - done, most = (uint64_t)1 << 30;
        ssize_t count = read(file, into + done, (size_t)(left < most ? left : most));
        if (count > 0)
            done += (uint64_t)count;
        else if (count == 0)
            result = CUT;
        else if (errno != EINTR)
            result = errno;
    }
    /* The path has to name the same file in the same state still; so that of the open one, which is
     * that file, needs no second look. */
    if (result == 0)
        result = fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW)
                     ? errno
                     : check(&status, listed, size);
    /* Whoever writes to a file can put its mtime back, but not its ctime. */
    if (result == 0 && state_of(&status).ctime_ns != opened_ns)
        result = CHANGED;
    close(file);
    return result;
}

PyDoc_STRVAR(read_files_doc,
             "read_files(folder, paths, sizes, states, into, /)\n--\n\n"
             "Read whole files, one behind the other, and return what became of each.\n\n"
             "`folder` is a file descriptor; `paths` are relative to it, each ended by a NUL;\n"
             "`sizes` are int64 and `states` four uint64 a file (EntryTable.stats). The bytes go\n"
             "to the writable buffer `into`: where a file fails, its place holds anything.\n"
             "The result has an int32 a file: 0, an errno, CHANGED, CUT or NOT_REGULAR.");

static PyObject *read_files(PyObject *Py_UNUSED(module), PyObject *arguments) {
    int folder;
    Py_buffer paths, sizes, states, into;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "iy*y*y*w*:read_files", &folder, &paths, &sizes, &states,
                          &into))
        return NULL;
    size_t count = (size_t)sizes.len / sizeof(int64_t);
    int32_t *outcome = PyMem_Malloc(count * sizeof *outcome + 1);
    if (!outcome) {
        PyErr_NoMemory();
        goto done;
    }
    int fits = (size_t)sizes.len == count * sizeof(int64_t) &&
               (size_t)states.len == count * sizeof(Listed) && paths.len > 0 &&
               ((const char *)paths.buf)[paths.len - 1] == '\0';
    Py_BEGIN_ALLOW_THREADS
    const char *path = paths.buf, *paths_end = path + paths.len;
    uint64_t place = 0, room = (uint64_t)into.len;
    for (size_t i = 0; fits && i < count; i++) {
        int64_t size;
        Listed listed;
        memcpy(&size, (const char *)sizes.buf + i * sizeof size, sizeof size);
        memcpy(&listed, (const char *)states.buf + i * sizeof listed, sizeof listed);
        /* Each path ends in a NUL that lies in the buffer: its last byte is one. */
        if (path == paths_end || size < 0 || (uint64_t)size > room - place) {
            fits = 0;
            break;
        }
        outcome[i] = read_file(folder, path, &listed, (uint64_t)size, (uint8_t *)into.buf + place);
        place += (uint64_t)size;
        path += strlen(path) + 1;
    }
    fits = fits && (count == 0 || path == paths_end);
    Py_END_ALLOW_THREADS
    if (fits)
        result = PyBytes_FromStringAndSize((const char *)outcome,
                                           (Py_ssize_t)(count * sizeof *outcome));
    else
        PyErr_SetString(PyExc_ValueError, "paths, sizes, states and the buffer do not fit together");
done:
    PyMem_Free(outcome);
    PyBuffer_Release(&paths);
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&states);
    PyBuffer_Release(&into);
    return result;
}

/* --- Folders ---------------------------------------------------------------------------------- */

/* What a name in a folder stands for. */
enum { REGULAR, FOLDER, OTHER };

typedef struct {
    char *name; /* of a folder with a slash at its end: so the order of names is that of paths */
    int kind;
    struct stat status;
} Item;

typedef struct {
    Item *items;
    size_t count, room;
} Items;

static int by_name(const void *one, const void *two) {
    return strcmp(((const Item *)one)->name, ((const Item *)two)->name);
}

static void items_free(Items *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].name);
    free(list->items);
}

/* Adds what a name stands for. Returns 0 or an errno. What cannot be examined is OTHER: it may have
 * gone, and whoever asks for the reason finds it out. */
static int add_item(Items *list, int folder, const char *name) {
    if (list->count == list->room) {
        size_t room = 2 * list->room + 64;
        Item *items = realloc(list->items, room * sizeof *items);
        if (!items)
            return ENOMEM;
        list->items = items;
        list->room = room;
    }
    Item *item = &list->items[list->count];
    memset(item, 0, sizeof *item);
    item->kind = OTHER;
    if (fstatat(folder, name, &item->status, AT_SYMLINK_NOFOLLOW) == 0)
        item->kind = S_ISREG(item->status.st_mode)   ? REGULAR
                     : S_ISDIR(item->status.st_mode) ? FOLDER
                                                     : OTHER;
    size_t length = strlen(name);
    item->name = malloc(length + 2);
    if (!item->name)
        return ENOMEM;
    memcpy(item->name, name, length + 1);
    if (item->kind == FOLDER)
        memcpy(item->name + length, "/", 2);
    list->count++;
    return 0;
}

/* Lists a folder, sorted. Returns 0 or an errno; what is in `list` has to be freed in any case.
 * `expected` is the folder as it was found in the one above, or null. A path that leads through a
 * link by now (a slash at its end does) ends in another folder: ESTALE. */
static int read_folder(int root, const char *path, const Listed *expected, Items *list) {
    int folder = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return errno;
    if (expected) {
        struct stat status;
        int problem = fstat(folder, &status) ? errno : 0;
        if (!problem && ((uint64_t)status.st_ino != expected->inode ||
                         (uint64_t)status.st_dev != expected->device))
            problem = ESTALE;
        if (problem) {
            close(folder);
            return problem;
        }
    }
    DIR *stream = fdopendir(folder);
    if (!stream) {
        int error = errno;
        close(folder);
        return error;
    }
    int error = 0;
    struct dirent *entry;
    while (!error && (errno = 0, entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            error = add_item(list, folder, entry->d_name);
    if (!error)
        error = errno;
    closedir(stream);
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, by_name);
    return error;
}

PyDoc_STRVAR(list_folder_doc,
             "list_folder(root, folder, state=b'', /)\n--\n\n"
             "Return what is in a folder, sorted by the bytes of the names.\n\n"
             "`root` is a file descriptor, `folder` a path relative to it that is empty or ends in\n"
             "a slash. With `state`, as the folder above gave it, another folder that is found\n"
             "there is refused (ESTALE). Four bytes objects: the paths relative to root, each ended by a NUL, those of\n"
             "folders with a slash before it; a byte for what each is (REGULAR, FOLDER, OTHER); an\n"
             "int64 for its size; four uint64 for its state (EntryTable.stats). Raises OSError.");

static PyObject *list_folder(PyObject *Py_UNUSED(module), PyObject *arguments) {
    int root, error;
    Py_buffer folder;
    const char *state = "";
    Py_ssize_t state_size = 0;
    Listed expected;
    Items list = {0};
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "iy*|y#:list_folder", &root, &folder, &state, &state_size))
        return NULL;
    const Listed *wanted = state_size == sizeof expected ? &expected : NULL;
    if (wanted)
        memcpy(&expected, state, sizeof expected);
    size_t prefix = (size_t)folder.len, length = 0;
    char *path = malloc(prefix + 1);
    char *paths = NULL, *kinds = NULL;
    int64_t *sizes = NULL;
    Listed *states = NULL;
    if (!path) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(path, folder.buf, prefix);
    path[prefix] = '\0';
    Py_BEGIN_ALLOW_THREADS
    error = strlen(path) == prefix ? read_folder(root, path, wanted, &list) : EINVAL;
    for (size_t i = 0; i < list.count; i++)
        length += prefix + strlen(list.items[i].name) + 1;
    paths = malloc(length + 1);
    kinds = malloc(list.count + 1);
    sizes = malloc(list.count * sizeof *sizes + 1);
    states = malloc(list.count * sizeof *states + 1);
    if (!paths || !kinds || !sizes || !states)
        error = ENOMEM;
    char *at = paths;
    for (size_t i = 0; !error && i < list.count; i++) {
        const Item *item = &list.items[i];
        size_t name = strlen(item->name) + 1;
        memcpy(at, path, prefix);
        memcpy(at + prefix, item->name, name);
        at += prefix + name;
        kinds[i] = (char)item->kind;
        sizes[i] = (int64_t)item->status.st_size;
        states[i] = state_of(&item->status);
    }
    Py_END_ALLOW_THREADS
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
    } else {
        Py_ssize_t count = (Py_ssize_t)list.count;
        result = Py_BuildValue("y#y#y#y#", paths, (Py_ssize_t)length, kinds, count,
                               (const char *)sizes, count * (Py_ssize_t)sizeof *sizes,
                               (const char *)states, count * (Py_ssize_t)sizeof *states);
    }
done:
    free(path);
    free(paths);
    free(kinds);
    free(sizes);
    free(states);
    items_free(&list);
    PyBuffer_Release(&folder);
    return result;
}

/* --- Large files ----------------------------------------------------------------------------- */

/* The mappings that are there, for the handler. A place is free where `start` is 0. Places are taken
 * and given back with the GIL held; the handler may read them at any time: `start` is set last, and
 * cleared first. */
#define PLACES 512
static struct {
    _Atomic uintptr_t start, end;
    atomic_int broken;
} mappings[PLACES];
static struct sigaction before_us;
static int is_installed;

static void on_sigbus(int number, siginfo_t *what, void *context) {
    /* A signal that was sent by kill or raise has no address. */
    int is_fault = what->si_code > 0 && what->si_code != SI_USER;
    uintptr_t address = (uintptr_t)what->si_addr;
    for (int i = 0; is_fault && i < PLACES; i++) {
        uintptr_t start = atomic_load(&mappings[i].start), end = atomic_load(&mappings[i].end);
        if (start == 0 || address < start || address >= end)
            continue;
        /* mmap is no more than a system call here. All of the mapping is given up: nobody will use
         * what it holds. */
        int saved = errno;
        void *zeros = mmap((void *)start, end - start, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        errno = saved;
        if (zeros == MAP_FAILED)
            break;
        atomic_store(&mappings[i].broken, 1);
        return;
    }
    /* Not ours. */
    if (before_us.sa_flags & SA_SIGINFO) {
        before_us.sa_sigaction(number, what, context);
    } else if (before_us.sa_handler != SIG_DFL && before_us.sa_handler != SIG_IGN) {
        before_us.sa_handler(number);
    } else if (is_fault || before_us.sa_handler == SIG_DFL) {
        /* The instruction is run again, or the signal sent again, and the system does what it does
         * without a handler. */
        sigaction(SIGBUS, &before_us, NULL);
        if (!is_fault)
            raise(number);
    }
}

static int install_handler(void) {
    struct sigaction ours;
    if (is_installed)
        return 0;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = on_sigbus;
    ours.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
    sigemptyset(&ours.sa_mask);
    if (sigaction(SIGBUS, &ours, &before_us))
        return -1;
    is_installed = 1;
    return 0;
}

typedef struct {
    PyObject_HEAD
    uint8_t *start;    /* page-aligned */
    size_t mapped;     /* bytes from there */
    size_t lead, size; /* the bytes that were asked for */
    int place;
} MappedFile;

PyDoc_STRVAR(mapped_file_doc,
             "MappedFile(file, offset, size)\n--\n\n"
             "The bytes of an open file as a read-only buffer, without a copy.\n\n"
             "Raises OSError if they cannot be mapped. Bytes that turn out not to be there read as\n"
             "zeros, and is_whole says so.");

static PyObject *mapped_file_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    int file, place = 0;
    long long offset, size;
    if (keywords && PyDict_Size(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "MappedFile takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "iLL:MappedFile", &file, &offset, &size))
        return NULL;
    long page = sysconf(_SC_PAGESIZE);
    long long lead = page > 0 ? offset % page : -1;
    if (offset < 0 || size <= 0 || lead < 0 || size > PY_SSIZE_T_MAX - lead) {
        PyErr_SetString(PyExc_ValueError, "a mapping has an offset and at least one byte");
        return NULL;
    }
    while (place < PLACES && atomic_load(&mappings[place].start))
        place++;
    if (place == PLACES || install_handler()) {
        if (place == PLACES)
            errno = EMFILE;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    MappedFile *self = (MappedFile *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    size_t mapped = (size_t)(size + lead);
    void *start = mmap(NULL, mapped, PROT_READ, MAP_SHARED, file, (off_t)(offset - lead));
    if (start == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(self);
        return NULL;
    }
    self->start = start;
    self->mapped = mapped;
    self->lead = (size_t)lead;
    self->size = (size_t)size;
    self->place = place;
    atomic_store(&mappings[place].broken, 0);
    atomic_store(&mappings[place].end, (uintptr_t)start + mapped);
    atomic_store(&mappings[place].start, (uintptr_t)start);
    return (PyObject *)self;
}

static void mapped_file_dealloc(PyObject *object) {
    MappedFile *self = (MappedFile *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->start) {
        atomic_store(&mappings[self->place].start, 0);
        munmap(self->start, self->mapped);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static int mapped_file_buffer(PyObject *object, Py_buffer *view, int flags) {
    MappedFile *self = (MappedFile *)object;
    return PyBuffer_FillInfo(view, object, self->start + self->lead, (Py_ssize_t)self->size, 1,
                             flags);
}

PyDoc_STRVAR(is_whole_doc, "is_whole()\n--\n\n"
                           "Return whether every byte that was touched so far was there.");

static PyObject *mapped_file_is_whole(PyObject *object, PyObject *Py_UNUSED(none)) {
    MappedFile *self = (MappedFile *)object;
    return PyBool_FromLong(!atomic_load(&mappings[self->place].broken));
}

/* Takes a range of the bytes that were asked for. Returns 0, or -1 with an exception set. */
static int mapped_range(MappedFile *self, PyObject *arguments, uint8_t **first, size_t *count) {
    long long start, size;
    if (!PyArg_ParseTuple(arguments, "LL", &start, &size))
        return -1;
    if (start < 0 || size <= 0 || (unsigned long long)start > self->size ||
        (unsigned long long)size > self->size - (unsigned long long)start) {
        PyErr_SetString(PyExc_ValueError, "there are no such bytes in the mapping");
        return -1;
    }
    *first = self->start + self->lead + start;
    *count = (size_t)size;
    return 0;
}

PyDoc_STRVAR(bring_doc, "bring(start, size, /)\n--\n\n"
                        "Have bytes brought into memory while other threads run.");

static PyObject *mapped_file_bring(PyObject *object, PyObject *arguments) {
    uint8_t *first;
    size_t size;
    if (mapped_range((MappedFile *)object, arguments, &first, &size))
        return NULL;
    const volatile uint8_t *bytes = first;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    Py_BEGIN_ALLOW_THREADS
    for (size_t at = 0; at < size; at += page)
        (void)bytes[at]; /* a touch brings the page, and in most systems some that follow */
    (void)bytes[size - 1];
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

PyDoc_STRVAR(let_go_doc, "let_go(start, size, /)\n--\n\n"
                         "Have bytes unmapped while other threads run: they were used for the last\n"
                         "time. If they are not, they are there again.");

static PyObject *mapped_file_let_go(PyObject *object, PyObject *arguments) {
    uint8_t *first;
    size_t size;
    if (mapped_range((MappedFile *)object, arguments, &first, &size))
        return NULL;
    /* Whole pages only: what lies beside these bytes may be in use. */
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t start = ((uintptr_t)first + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)first + size) / page * page;
    Py_BEGIN_ALLOW_THREADS
    if (start < end)
        (void)madvise((void *)start, end - start, MADV_DONTNEED); /* else munmap does it later */
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

/* --- Python ---------------------------------------------------------------------------------- */

static PyMethodDef mapped_file_methods[] = {
    {"bring", mapped_file_bring, METH_VARARGS, bring_doc},
    {"let_go", mapped_file_let_go, METH_VARARGS, let_go_doc},
    {"is_whole", mapped_file_is_whole, METH_NOARGS, is_whole_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot mapped_file_slots[] = {
    {Py_tp_doc, (void *)mapped_file_doc},
    {Py_tp_new, (void *)mapped_file_new},
    {Py_tp_dealloc, (void *)mapped_file_dealloc},
    {Py_tp_methods, mapped_file_methods},
    {Py_bf_getbuffer, (void *)mapped_file_buffer},
    {0, NULL},
};

static PyType_Spec mapped_file_spec = {
    .name = "crate_iscc.sources._reading.MappedFile",
    .basicsize = sizeof(MappedFile),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = mapped_file_slots,
};

static int module_exec(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &mapped_file_spec, NULL);
    int failed = !type || PyModule_AddType(module, (PyTypeObject *)type) < 0 ||
                 PyModule_AddIntConstant(module, "REGULAR", REGULAR) < 0 ||
                 PyModule_AddIntConstant(module, "FOLDER", FOLDER) < 0 ||
                 PyModule_AddIntConstant(module, "OTHER", OTHER) < 0 ||
                 PyModule_AddIntConstant(module, "CHANGED", CHANGED) < 0 ||
                 PyModule_AddIntConstant(module, "CUT", CUT) < 0 ||
                 PyModule_AddIntConstant(module, "NOT_REGULAR", NOT_REGULAR) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyMethodDef module_methods[] = {
    {"list_folder", list_folder, METH_VARARGS, list_folder_doc},
    {"read_files", read_files, METH_VARARGS, read_files_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "crate_iscc.sources._reading",
    .m_doc = "Reads many small files in one call, and maps large ones safely.",
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__reading(void) {
    return PyModuleDef_Init(&module_def);
}

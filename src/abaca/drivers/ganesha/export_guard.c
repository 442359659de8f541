/*
 * Preloaded into Ganesha: no request reaches a file outside the export that it is for.
 *
 * Names.  Ganesha hands the names of NFSv3 requests unchecked to functions such as openat, as root.
 * So a name that is relative to a descriptor has to be one component: "/etc/shadow" and "a/b" are
 * refused with EACCES, ".." where it would leave the mount; and no function follows a symbolic link
 * of that name.  Paths of Ganesha's own are not relative to a descriptor.
 *
 * Handles.  All shares of a pool are subvolumes of one btrfs, and the kernel opens any inode of a
 * file system by handle, whichever subvolume's mount it is asked through.  A hostile client that may
 * reach one share could make up handles of files in another one.  Each subvolume has a device number
 * of its own, so what was opened is compared with the mount that it was asked through.
 *
 * Ganesha loads FSAL_VFS with RTLD_DEEPBIND, which would find the C library's functions before these;
 * so that flag is taken away, for this plug-in alone.  guard.py refuses to start a Ganesha whose
 * plug-in uses a function for names that is not in this file.
 *
 * No headers, no C library at link time: `cc -shared -fPIC -nostdlib` is all it takes.  Functions
 * with an optional argument are declared with it: on these machines it is passed the same way.
 */
#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "constants and calling conventions are those of Linux on x86_64 and aarch64"
#endif
#define EACCES 13
#define ESTALE 116
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_SYMLINK_FOLLOW 0x400
#define AT_EMPTY_PATH 0x1000
#ifdef __x86_64__
#define O_NOFOLLOW 0x20000
#else
#define O_NOFOLLOW 0x8000
#endif
#define MAX_HANDLE_BYTES 128
#define RTLD_NEXT ((void *)-1L)
#define RTLD_DEEPBIND 8

typedef unsigned long size;

extern int fstat(int descriptor, void *status);
extern int close(int descriptor);
extern int *__errno_location(void);
extern void *dlsym(void *library, const char *name);
extern char *strstr(const char *text, const char *word);
extern char *strchr(const char *text, int character);
extern int strcmp(const char *one, const char *other);

struct status { /* st_dev comes first, on both machines; the rest is not looked at */
    unsigned long device;
    unsigned long rest[63];
};

struct handle {
    unsigned bytes;
    int type;
    unsigned char data[MAX_HANDLE_BYTES];
};

static int refuse(int reason)
{
    *__errno_location() = reason;
    return -1;
}

/* The C library's function of this name. */
#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* Define a function that asks `allowed` before it calls the C library's. */
#define GUARD(result, function, parameters, allowed, arguments) \
    result function parameters                                  \
    {                                                           \
        static __typeof__(&function) next;                      \
        if (!(allowed))                                         \
            return refuse(EACCES);                              \
        if (!next)                                              \
            next = NEXT(function);                              \
        return next arguments;                                  \
    }

int name_to_handle_at(int, const char *, struct handle *, int *, int);

/* Whether ".." of this directory is in the same mount. */
static int parent_is_inside(int directory)
{
    struct handle handle;
    int here, above;
    __typeof__(&name_to_handle_at) look = NEXT(name_to_handle_at);

    handle.bytes = MAX_HANDLE_BYTES;
    if (look(directory, "", &handle, &here, AT_EMPTY_PATH) != 0)
        return 0;
    handle.bytes = MAX_HANDLE_BYTES;
    return look(directory, "..", &handle, &above, 0) == 0 && here == above;
}

/* Whether the name is one component.  The empty one is the descriptor itself, or nothing at all. */
static int one(int directory, const char *name)
{
    if (directory == AT_FDCWD || !name)
        return 1;
    if (strcmp(name, "..") == 0)
        return parent_is_inside(directory);
    return !strchr(name, '/');
}

/* The flags with which the last component is not followed if it is a symbolic link. */
#define STAY(directory, flags) \
    ((directory) == AT_FDCWD ? (flags) : ((flags) | AT_SYMLINK_NOFOLLOW) & ~AT_SYMLINK_FOLLOW)
#define STAY_AT_LINK(directory, flags) \
    ((directory) == AT_FDCWD ? (flags) : (flags) & ~AT_SYMLINK_FOLLOW)
#define STAY_AT_OPEN(directory, flags) \
    ((directory) == AT_FDCWD ? (flags) : (flags) | O_NOFOLLOW)

#define OPEN(function)                                                                         \
    GUARD(int, function, (int at, const char *name, int flags, unsigned mode), one(at, name), \
          (at, name, STAY_AT_OPEN(at, flags), mode))
OPEN(openat)
OPEN(openat64)
OPEN(__openat_2)
OPEN(__openat64_2)

#define STATUS(function)                                                                         \
    GUARD(int, function, (int at, const char *name, void *status, int flags), one(at, name), \
          (at, name, status, STAY(at, flags)))
STATUS(fstatat)
STATUS(fstatat64)


GUARD(int, statx, (int at, const char *name, int flags, unsigned mask, void *status),
      one(at, name), (at, name, STAY(at, flags), mask, status))
GUARD(int, faccessat, (int at, const char *name, int mode, int flags),
      one(at, name), (at, name, mode, STAY(at, flags)))
GUARD(long, readlinkat, (int at, const char *name, char *text, size length),
      one(at, name), (at, name, text, length))
GUARD(int, name_to_handle_at, (int at, const char *name, struct handle *handle, int *mount, int flags),
      one(at, name), (at, name, handle, mount, STAY_AT_LINK(at, flags)))

GUARD(int, mkdirat, (int at, const char *name, unsigned mode), one(at, name), (at, name, mode))
GUARD(int, mkfifoat, (int at, const char *name, unsigned mode), one(at, name), (at, name, mode))
GUARD(int, mknodat, (int at, const char *name, unsigned mode, unsigned long device),
      one(at, name), (at, name, mode, device))
GUARD(int, symlinkat, (const char *target, int at, const char *name), one(at, name),
      (target, at, name))
GUARD(int, unlinkat, (int at, const char *name, int flags), one(at, name), (at, name, flags))
GUARD(int, linkat, (int from, const char *old, int to, const char *new, int flags),
      one(from, old) && one(to, new), (from, old, to, new, STAY_AT_LINK(from, flags)))
GUARD(int, renameat, (int from, const char *old, int to, const char *new),
      one(from, old) && one(to, new), (from, old, to, new))
GUARD(int, renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
      one(from, old) && one(to, new), (from, old, to, new, flags))

GUARD(int, fchmodat, (int at, const char *name, unsigned mode, int flags),
      one(at, name), (at, name, mode, STAY(at, flags)))
GUARD(int, fchownat, (int at, const char *name, unsigned user, unsigned group, int flags),
      one(at, name), (at, name, user, group, STAY(at, flags)))
GUARD(int, utimensat, (int at, const char *name, const void *times, int flags),
      one(at, name), (at, name, times, STAY(at, flags)))

int open_by_handle_at(int mount, void *handle, int flags)
{
    static __typeof__(&open_by_handle_at) next;
    struct status wanted, found;
    int opened;

    if (!next)
        next = NEXT(open_by_handle_at);
    opened = next(mount, handle, flags);
    if (opened < 0)
        return opened;
    if (fstat(mount, &wanted) == 0 && fstat(opened, &found) == 0 && wanted.device == found.device)
        return opened;
    close(opened);
    return refuse(ESTALE);
}

/*
 * Connections.  ntirpc waits in a thread for the four bytes of a record mark, and keeps a record in
 * memory until its last fragment has come, however long it is.  So a connection is ready once four
 * bytes are there, and one whose record is longer than any request is closed.  Marks are what is
 * asked for with MSG_WAITALL.
 */
#define EMSGSIZE 90
#define SOL_SOCKET 1
#define SO_RCVLOWAT 18
#define MSG_WAITALL 0x100
#define MARK 4
#define LAST_FRAGMENT 0x80000000u
#define LEAST_CHARGED 16384u /* for a fragment: small ones have a buffer, too */
#define LONGEST_RECORD ((1u << 20) + (1u << 18)) /* instance.py: 1 MiB of data, and the rest */
#define DESCRIPTORS (1u << 20)

extern int setsockopt(int socket, int level, int name, const void *value, unsigned length);

static unsigned records[DESCRIPTORS]; /* by descriptor: what there is of a record */

int accept(int socket, void *address, unsigned *length)
{
    static __typeof__(&accept) next;
    int found, mark = MARK;

    if (!next)
        next = NEXT(accept);
    found = next(socket, address, length);
    if (found >= 0) {
        setsockopt(found, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
        if ((unsigned)found < DESCRIPTORS)
            records[found] = 0;
    }
    return found;
}

long recv(int socket, void *data, size length, int flags)
{
    static __typeof__(&recv) next;
    unsigned char *byte = data;
    unsigned mark, charge;
    long found;

    if (!next)
        next = NEXT(recv);
    found = next(socket, data, length, flags);
    if (found != MARK || length != MARK || !(flags & MSG_WAITALL) || (unsigned)socket >= DESCRIPTORS)
        return found;
    mark = (unsigned)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
    charge = mark & ~LAST_FRAGMENT;
    if (charge < LEAST_CHARGED)
        charge = LEAST_CHARGED;
    if (charge > LONGEST_RECORD - records[socket])
        return refuse(EMSGSIZE);
    records[socket] = mark & LAST_FRAGMENT ? 0 : records[socket] + charge;
    return found;
}

/* Ganesha calls the kernel by number for getdents64 and to change its user; not with names. */
static int takes_a_name(long number)
{
    switch (number) {
#ifdef __x86_64__
    case 257 ... 269: /* openat to faccessat */
    case 280:         /* utimensat */
    case 303 ... 304: /* name_to_handle_at, open_by_handle_at */
    case 316:         /* renameat2 */
    case 322:         /* execveat */
    case 332:         /* statx */
#else
    case 33 ... 38:   /* mknodat to renameat */
    case 48:          /* faccessat */
    case 53 ... 54:   /* fchmodat, fchownat */
    case 56:          /* openat */
    case 78 ... 79:   /* readlinkat, newfstatat */
    case 88:          /* utimensat */
    case 264 ... 265: /* name_to_handle_at, open_by_handle_at */
    case 276:         /* renameat2 */
    case 281:         /* execveat */
    case 291:         /* statx */
#endif
    case 428 ... 429: /* open_tree, move_mount */
    case 437:         /* openat2 */
    case 439:         /* faccessat2 */
    case 452:         /* fchmodat2 */
    case 463 ... 469: /* setxattrat to file_setattr */
        return 1;
    }
    return 0;
}

GUARD(long, syscall, (long number, long a, long b, long c, long d, long e, long f),
      !takes_a_name(number), (number, a, b, c, d, e, f))

void *dlopen(const char *file, int flags)
{
    if (file && strstr(file, "libfsalvfs"))
        flags &= ~RTLD_DEEPBIND;
    return NEXT(dlopen)(file, flags);
}

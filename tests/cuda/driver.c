/* A CUDA driver with one device and no kernels: for what Numba asks of a driver.

   Memory of the device is memory of the host; copies copy, launches are checked and
   counted, and all else succeeds at doing nothing. Variables of the environment say when
   it fails:

   DRIVER_INIT      result of its start
   DRIVER_VERSION   for which CUDA it is, times 1000
   DRIVER_BYTES     that the device has at most
   DRIVER_LAUNCHES  after which the device is lost
   DRIVER_FITS      blocks that a multiprocessor runs at once
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK, INVALID, NO_MEMORY, LOST = 700, TOO_LARGE = 720 };
enum { HEAD = 64 }; /* bytes before those that are given out: how many these are */

static long n_bytes, n_launches, n_grids, n_waits, n_sends;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static int state(void) {
    long most = number("DRIVER_LAUNCHES", -1);
    return most >= 0 && n_launches >= most ? LOST : OK;
}

/* Bytes in use; launches, and those of whole grids; copies to the device that wait for
   kernels, and those that do not. */
void driver_counts(long *counts) {
    long all[] = {n_bytes, n_launches, n_grids, n_waits, n_sends};
    memcpy(counts, all, sizeof all);
}

static int succeed(void) { return OK; }

static int get_context(void **out) {
    static int context;
    *out = &context;
    return OK;
}

static int make_handle(void **out) {
    *out = malloc(1); /* another one each time */
    return OK;
}

int cuInit(unsigned flags) { return (int)number("DRIVER_INIT", OK); }

static int get_error_name(int error, const char **out) {
    *out = error == LOST ? "LOST" : "OTHER";
    return OK;
}

static int get_version(int *version) {
    *version = (int)number("DRIVER_VERSION", 13000);
    return OK;
}

static int get_number(int *out) {
    *out = 0; /* the number of the device */
    return OK;
}

static int get_count(int *out) {
    *out = 1; /* of devices */
    return OK;
}

static long n_fitting(void) { return number("DRIVER_FITS", 1); }

static int get_fitting(int *out, void *kernel, int threads, size_t shared) {
    *out = (int)n_fitting();
    return threads <= 256 && shared <= 48 * 1024 ? OK : INVALID;
}

static int get_attribute(int *value, int attribute, int device) {
    switch (attribute) {
    case 1: *value = 1024; break;     /* threads of a block */
    case 5: *value = INT32_MAX; break; /* blocks of a grid, in its first direction */
    case 6: case 7: *value = 65535; break; /* and in the others */
    case 10: *value = 32; break;      /* threads of a warp */
    case 16: *value = 132; break;     /* multiprocessors */
    case 75: *value = 9; break;       /* compute capability */
    case 76: *value = 0; break;
    default: *value = 1;
    }
    return OK;
}

static int get_memory(size_t *left, size_t *total) {
    *total = (size_t)80 << 30;
    *left = *total - n_bytes;
    return OK;
}

static int allocate(uint64_t *out, size_t size) {
    long most = number("DRIVER_BYTES", -1);
    if (most >= 0 && n_bytes + (long)size > most) return NO_MEMORY;
    char *head = calloc(1, HEAD + size);
    memcpy(head, &size, sizeof size);
    n_bytes += size;
    *out = (uint64_t)(head + HEAD);
    return OK;
}

static int release(uint64_t memory) {
    char *head = (char *)memory - HEAD;
    size_t size;
    memcpy(&size, head, sizeof size);
    n_bytes -= size;
    free(head);
    return OK;
}

static int copy(void *to, const void *from, size_t size) {
    if (state() == OK) memcpy(to, from, size);
    return state();
}

static int copy_to_device(uint64_t to, const void *from, size_t size) {
    n_waits++;
    return copy((void *)to, from, size);
}

static int send_to_device(uint64_t to, const void *from, size_t size, void *stream) {
    n_sends++;
    /* 0 and 1 are the stream of all kernels. */
    return (uintptr_t)stream > 1 ? INVALID : copy((void *)to, from, size);
}

static int copy_to_host(void *to, uint64_t from, size_t size) {
    return copy(to, (void *)from, size);
}

struct config {
    unsigned grid[3], block[3], shared;
    void *stream, *attributes;
    unsigned n_attributes; /* the only one that is used: that blocks wait for others */
};

static int launch(const struct config *c, void *kernel, void **arguments, void **more) {
    const unsigned *g = c->grid, *b = c->block;
    int is_valid = g[0] && g[1] && g[2] && g[1] < 65536 && g[2] < 65536;
    is_valid &= b[0] * b[1] * b[2] <= 256 && c->shared <= 48 * 1024;
    is_valid &= (uintptr_t)c->stream == 1; /* the legacy stream, by its name */
    if (!is_valid) return INVALID;
    if (c->n_attributes && g[0] * g[1] * g[2] > 132 * n_fitting()) return TOO_LARGE;
    n_launches++;
    n_grids += c->n_attributes > 0;
    return state();
}

static int get_function(const char *name, void **out, int version, uint64_t flags,
                        int *status);

static const struct { const char *name; void *function; } FUNCTIONS[] = {
    {"cuInit", cuInit},
    {"cuGetProcAddress", get_function},
    {"cuGetErrorName", get_error_name},
    {"cuGetErrorString", get_error_name},
    {"cuDriverGetVersion", get_version},
    {"cuDeviceGetCount", get_count},
    {"cuDeviceGet", get_number},
    {"cuCtxGetDevice", get_number},
    {"cuDeviceGetAttribute", get_attribute},
    {"cuOccupancyMaxActiveBlocksPerMultiprocessor", get_fitting},
    {"cuDevicePrimaryCtxRetain", get_context},
    {"cuCtxGetCurrent", get_context},
    {"cuCtxPopCurrent", get_context},
    {"cuLibraryLoadData", make_handle},
    {"cuLibraryGetKernel", make_handle},
    {"cuKernelGetFunction", make_handle},
    {"cuMemGetInfo", get_memory},
    {"cuMemAlloc", allocate},
    {"cuMemFree", release},
    {"cuMemcpyHtoD", copy_to_device},
    {"cuMemcpyHtoDAsync", send_to_device},
    {"cuMemcpyDtoH", copy_to_host},
    {"cuLaunchKernelEx", launch},
};

static int get_function(const char *name, void **out, int version, uint64_t flags,
                        int *status) {
    if (status) *status = OK;
    *out = succeed;
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++)
        if (!strcmp(name, FUNCTIONS[i].name)) *out = FUNCTIONS[i].function;
    return OK;
}

int cuGetProcAddress_v2(const char *name, void **out, int version, uint64_t flags,
                        int *status) {
    return get_function(name, out, version, flags, status);
}

#import "surface.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT NSString* kIOSurfaceWidth = @"IOSurfaceWidth";
EXPORT NSString* kIOSurfaceHeight = @"IOSurfaceHeight";
EXPORT NSString* kIOSurfaceBytesPerElement = @"IOSurfaceBytesPerElement";
EXPORT NSString* kIOSurfaceBytesPerRow = @"IOSurfaceBytesPerRow";
EXPORT NSString* kIOSurfaceAllocSize = @"IOSurfaceAllocSize";
EXPORT NSString* kIOSurfacePixelFormat = @"IOSurfacePixelFormat";

enum { kReadOnly = 1, kBusy = (int)0xe00002d5 };

static pthread_mutex_t locking = PTHREAD_MUTEX_INITIALIZER;

@implementation IOSurface

- (void)protect {
  const int reach = _writers > 0 ? PROT_READ | PROT_WRITE : _readers > 0 ? PROT_READ : PROT_NONE;
  mprotect(_bytes, _mapped, reach);
}

- (id)initWithSize:(size_t)size {
  self = [super init];
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  _size = size;
  _mapped = (size + page - 1) / page * page;
  _bytes = mmap(NULL, _mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(_bytes, double_poison, _mapped);
  [self protect];
  return self;
}

- (BOOL)isLockedForWriting {
  return _writers > 0;
}

- (void*)beginEngineAccess {
  pthread_mutex_lock(&locking);
  ++_writers;
  [self protect];
  pthread_mutex_unlock(&locking);
  return _bytes;
}

- (void)endEngineAccess {
  pthread_mutex_lock(&locking);
  --_writers;
  [self protect];
  pthread_mutex_unlock(&locking);
}

- (void)dealloc {
  if (_readers + _writers != 0) double_violation("a surface is freed while it is locked");
  munmap(_bytes, _mapped);
  [super dealloc];
}

@end

@implementation IOSurfaceSharedEvent
- (uint64_t)signaledValue {
  return _value;
}
@end

static uint64_t property(NSDictionary* properties, NSString* key) {
  NSNumber* number = [properties objectForKey:key];
  must_be(number, [NSNumber class], [key UTF8String]);
  return [number unsignedLongLongValue];
}

// One row of single bytes (S03).
EXPORT void* IOSurfaceCreate(NSDictionary* properties) {
  must_be(properties, [NSDictionary class], "the properties of a surface");
  if (told_to_give_nil("IOSurfaceCreate")) return NULL;
  const uint64_t size = property(properties, kIOSurfaceAllocSize);
  if (property(properties, kIOSurfaceWidth) != size || property(properties, kIOSurfaceBytesPerRow) != size ||
      property(properties, kIOSurfaceHeight) != 1 || property(properties, kIOSurfaceBytesPerElement) != 1 ||
      property(properties, kIOSurfacePixelFormat) != 0) {
    double_violation("a surface of %llu bytes is not one row of single bytes", (unsigned long long)size);
  }
  return [[IOSurface alloc] initWithSize:size];
}

EXPORT int32_t IOSurfaceLock(void* object, uint32_t options, uint32_t* seed) {
  double_check_live(object, "IOSurfaceLock");
  IOSurface* surface = object;
  if (told_to_give_nil("IOSurfaceLock")) return kBusy;
  if (seed != NULL) *seed = 1;
  pthread_mutex_lock(&locking);
  *(options & kReadOnly ? &surface->_readers : &surface->_writers) += 1;
  [surface protect];
  pthread_mutex_unlock(&locking);
  return 0;
}

EXPORT int32_t IOSurfaceUnlock(void* object, uint32_t options, uint32_t* seed) {
  double_check_live(object, "IOSurfaceUnlock");
  IOSurface* surface = object;
  if (seed != NULL) *seed = 1;
  pthread_mutex_lock(&locking);
  int* locks = options & kReadOnly ? &surface->_readers : &surface->_writers;
  if (*locks == 0) double_violation("a surface is unlocked that was not locked so");
  *locks -= 1;
  [surface protect];
  pthread_mutex_unlock(&locking);
  return 0;
}

EXPORT void* IOSurfaceGetBaseAddress(void* object) {
  double_check_live(object, "IOSurfaceGetBaseAddress");
  IOSurface* surface = object;
  return surface->_bytes;
}

EXPORT size_t IOSurfaceGetAllocSize(void* object) {
  double_check_live(object, "IOSurfaceGetAllocSize");
  return ((IOSurface*)object)->_size;
}

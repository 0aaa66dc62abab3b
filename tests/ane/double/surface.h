// IOSurface's C functions and class, as far as the framework needs them.
#import "object.h"

// Memory that nobody may touch but between lock and unlock: elsewhere its pages are out of reach.
@interface IOSurface : ANEDoubleObject {
 @public
  void* _bytes;
  size_t _size, _mapped;
  int _readers, _writers;  // locks of the host's
}
- (BOOL)isLockedForWriting;
// Reach for the engine's own, which waits for no lock.
- (void*)beginEngineAccess;
- (void)endEngineAccess;
@end

@interface IOSurfaceSharedEvent : ANEDoubleObject {
 @public
  uint64_t _value;
}
- (uint64_t)signaledValue;
@end

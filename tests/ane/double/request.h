// What evaluations are asked with.
#import "surface.h"

@interface _ANEIOSurfaceObject : ANEDoubleObject {
 @public
  IOSurface* _surface;
}
+ (id)objectWithIOSurface:(struct __IOSurface*)surface;
@end

@interface _ANEPerformanceStats : ANEDoubleObject {
 @public
  uint64_t _time;
}
+ (id)statsWithHardwareExecutionNS:(uint64_t)time;
+ (unsigned int)driverMaskForANEFMask:(unsigned int)mask;
- (uint64_t)hwExecutionTime;
- (NSData*)perfCounterData;
- (NSData*)pStatsRawData;
- (int)statType;
@end

@interface _ANERequest : ANEDoubleObject {
 @public
  NSArray *_inputs, *_outputs, *_statistics;
  _ANEIOSurfaceObject* _weights;
  NSNumber* _procedure;
  id _events;
}
+ (id)requestWithInputs:(NSArray*)inputs
           inputIndices:(NSArray*)inputIndices
                outputs:(NSArray*)outputs
          outputIndices:(NSArray*)outputIndices
          weightsBuffer:(_ANEIOSurfaceObject*)weights
              perfStats:(NSArray*)statistics
         procedureIndex:(NSNumber*)procedure;
- (void)setSharedEvents:(id)events;
@end

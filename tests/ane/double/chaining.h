// Events, chained requests and real-time tasks: as far as anybody has seen them go.
#import "model.h"

@interface _ANEClient : ANEDoubleObject {
 @public
  BOOL _inRealTime;
}
@end

@interface _ANESharedSignalEvent : ANEDoubleObject {
 @public
  uint64_t _value;
  IOSurfaceSharedEvent* _event;
}
+ (id)signalEventWithValue:(uint64_t)value
               symbolIndex:(unsigned int)index
                 eventType:(int64_t)type
               sharedEvent:(id)event;
@end

@interface _ANESharedWaitEvent : ANEDoubleObject
+ (id)waitEventWithValue:(uint64_t)value sharedEvent:(id)event;
@end

@interface _ANESharedEvents : ANEDoubleObject {
  NSArray* _signals;
}
+ (id)sharedEventsWithSignalEvents:(NSArray*)signals waitEvents:(NSArray*)waits;
- (void)signal;
@end

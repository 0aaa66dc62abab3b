#import "chaining.h"

@implementation _ANESharedSignalEvent

+ (id)signalEventWithValue:(uint64_t)value
               symbolIndex:(unsigned int)index
                 eventType:(int64_t)type
               sharedEvent:(id)event {
  (void)index, (void)type;
  must_be(event, [IOSurfaceSharedEvent class], "the event");
  _ANESharedSignalEvent* signal = [[[self alloc] init] autorelease];
  signal->_value = value;
  signal->_event = [event retain];
  return signal;
}

- (void)dealloc {
  [_event release];
  [super dealloc];
}

@end

@implementation _ANESharedWaitEvent
+ (id)waitEventWithValue:(uint64_t)value sharedEvent:(id)event {
  (void)value;
  must_be(event, [IOSurfaceSharedEvent class], "the event");
  return [[[self alloc] init] autorelease];
}
@end

@implementation _ANESharedEvents

+ (id)sharedEventsWithSignalEvents:(NSArray*)signals waitEvents:(NSArray*)waits {
  must_be(signals, [NSArray class], "the events to signal");
  must_be(waits, [NSArray class], "the events to wait for");
  _ANESharedEvents* events = [[[self alloc] init] autorelease];
  events->_signals = [signals retain];
  return events;
}

- (void)signal {
  for (NSUInteger i = 0; i < [_signals count]; ++i) {
    _ANESharedSignalEvent* signal = [_signals objectAtIndex:i];
    signal->_event->_value = signal->_value;
  }
}

- (void)dealloc {
  [_signals release];
  [super dealloc];
}

@end

// ---- Chaining

@interface _ANEBuffer : ANEDoubleObject
@end
@implementation _ANEBuffer
+ (id)bufferWithIOSurfaceObject:(_ANEIOSurfaceObject*)surface symbolIndex:(NSNumber*)index source:(int64_t)source {
  must_be(surface, [_ANEIOSurfaceObject class], "the surface of a buffer");
  must_be(index, [NSNumber class], "the index of a buffer");
  if (source != 0 && source != 1) double_violation("a buffer is neither of an input nor of an output");
  return [[[self alloc] init] autorelease];
}
@end

@interface _ANEIOSurfaceOutputSets : ANEDoubleObject
@end
@implementation _ANEIOSurfaceOutputSets
+ (id)objectWithstatsSurRef:(struct __IOSurface*)statistics outputBuffer:(NSArray*)buffers {
  double_check_live(statistics, "objectWithstatsSurRef:outputBuffer:");
  must_be(buffers, [NSArray class], "the buffers of a set");
  return [[[self alloc] init] autorelease];
}
@end

@interface _ANEChainingRequest : ANEDoubleObject
@end
@implementation _ANEChainingRequest
+ (id)chainingRequestWithInputs:(NSArray*)inputs
                     outputSets:(NSArray*)sets
                lbInputSymbolId:(NSNumber*)inputSymbol
               lbOutputSymbolId:(NSNumber*)outputSymbol
                 procedureIndex:(NSNumber*)procedure
                   signalEvents:(NSArray*)events
              transactionHandle:(NSNumber*)transaction
                 fwEnqueueDelay:(NSNumber*)delay
                   memoryPoolId:(NSNumber*)pool {
  must_be(inputs, [NSArray class], "the inputs of a chain");
  must_be(sets, [NSArray class], "the sets of a chain");
  may_be(inputSymbol, [NSNumber class], "lbInputSymbolId");
  may_be(outputSymbol, [NSNumber class], "lbOutputSymbolId");
  may_be(procedure, [NSNumber class], "procedureIndex");
  must_be(events, [NSArray class], "signalEvents");
  must_be(transaction, [NSNumber class], "transactionHandle");
  must_be(delay, [NSNumber class], "fwEnqueueDelay");
  must_be(pool, [NSNumber class], "memoryPoolId");
  return [[[self alloc] init] autorelease];
}
- (BOOL)validate {
  return YES;
}
@end

@interface _ANEInputBuffersReady : ANEDoubleObject
@end
@implementation _ANEInputBuffersReady
+ (id)inputBuffersWithProcedureIndex:(unsigned int)procedure
                inputBufferInfoIndex:(NSArray*)indices
                      inputFreeValue:(NSArray*)values
                      executionDelay:(uint64_t)delay {
  (void)procedure, (void)delay;
  must_be(indices, [NSArray class], "inputBufferInfoIndex");
  must_be(values, [NSArray class], "inputFreeValue");
  return [[[self alloc] init] autorelease];
}
@end

@interface _ANEOutputSetEnqueue : ANEDoubleObject
@end
@implementation _ANEOutputSetEnqueue
+ (id)outputSetWithProcedureIndex:(unsigned int)procedure
                         setIndex:(unsigned int)set
                      signalValue:(uint64_t)value
                signalNotRequired:(BOOL)quiet
                       isOpenLoop:(BOOL)open {
  (void)procedure, (void)set, (void)value, (void)quiet, (void)open;
  return [[[self alloc] init] autorelease];
}
@end

@implementation _ANEClient
- (id)initWithRestrictedAccessAllowed:(BOOL)allowed {
  (void)allowed;
  return [self init];
}
- (void)dealloc {
  if (_inRealTime) double_violation("a client is freed within a real-time task");
  [super dealloc];
}
// As on an M5.
- (BOOL)prepareChainingWithModel:(_ANEModel*)model
                         options:(NSDictionary*)options
                     chainingReq:(_ANEChainingRequest*)request
                             qos:(unsigned int)qos
                           error:(NSError**)error {
  check_call(qos, options, error, "prepareChainingWithModel:options:chainingReq:qos:error:");
  must_be(model, [_ANEModel class], "the model of a chain");
  must_be(request, [_ANEChainingRequest class], "the request of a chain");
  return YES;
}
- (BOOL)buffersReadyWithModel:(_ANEModel*)model
                 inputBuffers:(_ANEInputBuffersReady*)buffers
                      options:(NSDictionary*)options
                          qos:(unsigned int)qos
                        error:(NSError**)error {
  check_call(qos, options, error, "buffersReadyWithModel:inputBuffers:options:qos:error:");
  must_be(model, [_ANEModel class], "the model of a chain");
  must_be(buffers, [_ANEInputBuffersReady class], "the buffers of a chain");
  return refuse(error, 15, @"Invalid chaining request");
}
- (BOOL)enqueueSetsWithModel:(_ANEModel*)model
                   outputSet:(_ANEOutputSetEnqueue*)set
                     options:(NSDictionary*)options
                         qos:(unsigned int)qos
                       error:(NSError**)error {
  check_call(qos, options, error, "enqueueSetsWithModel:outputSet:options:qos:error:");
  must_be(model, [_ANEModel class], "the model of a chain");
  must_be(set, [_ANEOutputSetEnqueue class], "the set of a chain");
  return refuse(error, 15, @"Invalid chaining request");
}
@end

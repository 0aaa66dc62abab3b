#import "request.h"

@implementation _ANEIOSurfaceObject

+ (id)objectWithIOSurface:(struct __IOSurface*)surface {
  double_check_live(surface, "objectWithIOSurface:");
  must_be((id)surface, [IOSurface class], "the surface");
  if (told_to_give_nil("objectWithIOSurface:")) return nil;
  _ANEIOSurfaceObject* object = [[[self alloc] init] autorelease];
  object->_surface = [(IOSurface*)surface retain];
  return object;
}

- (void)dealloc {
  [_surface release];
  [super dealloc];
}

@end

@implementation _ANEPerformanceStats

- (id)init {  // as on every system that was looked at
  [super init];
  [self release];
  return nil;
}

+ (id)statsWithHardwareExecutionNS:(uint64_t)time {
  _ANEPerformanceStats* statistics = [[self alloc] autorelease];
  statistics->_time = time;
  return statistics;
}
+ (unsigned int)driverMaskForANEFMask:(unsigned int)mask {
  return mask & 0xF;
}
- (uint64_t)hwExecutionTime {
  return _time;
}
- (NSData*)perfCounterData {
  return nil;
}
- (NSData*)pStatsRawData {
  return nil;
}
- (int)statType {
  return 0;
}

@end

static void check_items(NSArray* items, Class wanted, const char* what) {
  must_be(items, [NSArray class], what);
  for (NSUInteger i = 0; i < [items count]; ++i) must_be([items objectAtIndex:i], wanted, what);
}

// 0, 1, 2 …
static void check_indices(NSArray* indices, NSArray* of) {
  check_items(indices, [NSNumber class], "an index");
  if ([indices count] != [of count]) double_violation("there are not as many indices as surfaces");
  for (NSUInteger i = 0; i < [indices count]; ++i) {
    if ([[indices objectAtIndex:i] unsignedLongLongValue] != i) double_violation("an index is out of order");
  }
}

static void check_statistics(NSArray* statistics) {
  may_be(statistics, [NSArray class], "perfStats");
  for (NSUInteger i = 0; i < [statistics count]; ++i) {
    if (![[statistics objectAtIndex:i] respondsToSelector:@selector(statType)]) {
      double_violation("an item of perfStats does not answer statType");
    }
  }
}

@implementation _ANERequest

+ (id)requestWithInputs:(NSArray*)inputs
           inputIndices:(NSArray*)inputIndices
                outputs:(NSArray*)outputs
          outputIndices:(NSArray*)outputIndices
          weightsBuffer:(_ANEIOSurfaceObject*)weights
              perfStats:(NSArray*)statistics
         procedureIndex:(NSNumber*)procedure {
  check_items(inputs, [_ANEIOSurfaceObject class], "an input");
  check_items(outputs, [_ANEIOSurfaceObject class], "an output");
  check_indices(inputIndices, inputs);
  check_indices(outputIndices, outputs);
  may_be(weights, [_ANEIOSurfaceObject class], "weightsBuffer");
  check_statistics(statistics);
  must_be(procedure, [NSNumber class], "procedureIndex");
  if (told_to_give_nil(
          "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:")) {
    return nil;
  }
  _ANERequest* request = [[[self alloc] init] autorelease];
  request->_inputs = [inputs retain];
  request->_outputs = [outputs retain];
  request->_weights = [weights retain];
  request->_statistics = [statistics retain];
  request->_procedure = [procedure retain];
  return request;
}

- (void)setSharedEvents:(id)events {
  [events retain];
  [_events release];
  _events = events;
}

- (void)dealloc {
  [_inputs release];
  [_outputs release];
  [_weights release];
  [_statistics release];
  [_procedure release];
  [_events release];
  [super dealloc];
}

@end

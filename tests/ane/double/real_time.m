// Real-time tasks. The engine refuses them to whoever lacks an entitlement, and runs programs by their call all the
// same: so did an M4 Max (dev-erik). That such calls stand between a beginning and an end is what the double wants, not
// Apple.
#import "chaining.h"

static _ANEClient* shared = nil;  // not owned: it lives as long as somebody keeps it

@interface ANEDoubleSharedClient : _ANEClient
@end
@implementation ANEDoubleSharedClient
- (void)dealloc {
  shared = nil;
  [super dealloc];
}
@end

@implementation _ANEClient (RealTime)

+ (id)sharedConnection {
  if (told_to_give_nil("sharedConnection")) return nil;
  if (shared == nil) shared = [[[ANEDoubleSharedClient alloc] init] autorelease];
  return shared;
}

- (BOOL)beginRealTimeTask {
  if (self != shared) double_violation("a real-time task begins on a client that is not the shared one");
  if (_inRealTime) double_violation("a real-time task begins within another");
  const BOOL refused = told_to_give_nil("beginRealTimeTask");
  _inRealTime = YES;
  return !refused && double_is_entitled();
}

- (BOOL)endRealTimeTask {
  if (!_inRealTime) double_violation("a real-time task ends that has not begun");
  _inRealTime = NO;
  return !told_to_give_nil("endRealTimeTask") && double_is_entitled();
}

- (BOOL)evaluateRealTimeWithModel:(_ANEModel*)model
                          options:(NSDictionary*)options
                          request:(_ANERequest*)request
                            error:(NSError**)error {
  check_call(0, options, error, "evaluateRealTimeWithModel:options:request:error:");
  must_be(model, [_ANEModel class], "the model of a real-time evaluation");
  must_be(request, [_ANERequest class], "the request");
  if (!_inRealTime) double_violation("a program is evaluated in real time outside of a task");
  if (model->_owner == nil) double_violation("a program is evaluated that is freed");
  if (told_to_refuse("evaluateRealTimeWithModel:options:request:error:", error)) return NO;
  return [model->_owner evaluateRequest:request error:error];
}

@end

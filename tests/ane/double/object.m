#import "object.h"

#include <stdlib.h>

extern BOOL NSZombieEnabled;

// A message to what is freed ends the process, whatever class it was of.
__attribute__((constructor)) static void keep_the_dead(void) {
  NSZombieEnabled = YES;
  setenv("CRASH_ON_ZOMBIE", "YES", 1);
}

// GNUstep's own, which Foundation's is not, is the same folder whatever TMPDIR says.
__attribute__((visibility("default"))) NSString* NSTemporaryDirectory(void) {
  const char* folder = getenv("TMPDIR");
  return [NSString stringWithUTF8String:folder != NULL ? folder : "/tmp"];
}

@implementation ANEDoubleObject

+ (id)allocWithZone:(NSZone*)zone {
  id object = [super allocWithZone:zone];
  double_born(object, [NSStringFromClass(self) UTF8String]);
  return object;
}

- (void)dealloc {
  double_died(self);
  [super dealloc];
}

@end

void may_be(id object, Class wanted, const char* argument) {
  if (object == nil || [object isKindOfClass:wanted]) return;
  double_violation("%s is a %s, not a %s", argument, [NSStringFromClass([object class]) UTF8String],
                   [NSStringFromClass(wanted) UTF8String]);
}

void must_be(id object, Class wanted, const char* argument) {
  if (object == nil) double_violation("%s is nil", argument);
  may_be(object, wanted, argument);
}

NSError* framework_error(NSInteger code, NSString* text) {
  NSDictionary* info = [NSDictionary dictionaryWithObject:text forKey:NSLocalizedDescriptionKey];
  return [NSError errorWithDomain:@"com.apple.appleneuralengine" code:code userInfo:info];
}

BOOL refuse(NSError** error, NSInteger code, NSString* text) {
  *error = framework_error(code, text);
  return NO;
}

static void raise_if_told(enum double_failure failure, const char* call) {
  if (failure == kException) [NSException raise:NSInternalInconsistencyException format:@"told to raise in %s", call];
}

BOOL told_to_refuse(const char* call, NSError** error) {
  const enum double_failure failure = double_called(call);
  raise_if_told(failure, call);
  if (failure == kWithText) *error = framework_error(77, [NSString stringWithFormat:@"told to fail in %s", call]);
  if (failure == kEmptyText) *error = framework_error(77, @"");
  return failure != kNoFailure;
}

BOOL told_to_give_nil(const char* call) {
  const enum double_failure failure = double_called(call);
  raise_if_told(failure, call);
  return failure != kNoFailure;
}

void check_call(unsigned int qos, NSDictionary* options, NSError** error, const char* call) {
  if (qos > 63) double_violation("%s with quality %u", call, qos);
  must_be(options, [NSDictionary class], "options");
  if (error == NULL) double_violation("%s without a place for its error", call);
}

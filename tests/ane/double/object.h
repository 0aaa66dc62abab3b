// What the double's classes share: books of what lives, failures on demand, and checks that end the process.
#import <Foundation/Foundation.h>

#include "engine.h"

@interface ANEDoubleObject : NSObject
@end

// An argument must be of a class, or a violation: Apple's framework would crash somewhere later.
void must_be(id object, Class wanted, const char* argument);
void may_be(id object, Class wanted, const char* argument);  // nil too

// An NSError as the framework's; its text is the status where there is one.
NSError* framework_error(NSInteger code, NSString* text);
// Whether a call that fills an error is told to fail now; then it answers NO.
BOOL told_to_refuse(const char* call, NSError** error);
// The same of a call that answers with an object: nil then.
BOOL told_to_give_nil(const char* call);
// NO, with an error.
BOOL refuse(NSError** error, NSInteger code, NSString* text);
void check_call(unsigned int qos, NSDictionary* options, NSError** error, const char* call);

// A framework of another version, one of whose methods has another type.
#import "object.h"

@interface _ANEInMemoryModelDescriptor : NSObject
+ (id)modelWithMILText:(NSData*)text weights:(double)weights optionsPlist:(NSData*)options;
@end
@implementation _ANEInMemoryModelDescriptor
+ (id)modelWithMILText:(NSData*)text weights:(double)weights optionsPlist:(NSData*)options {
  (void)text, (void)weights, (void)options;
  return nil;
}
@end

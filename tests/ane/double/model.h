// Programs: described, compiled, loaded.
#import "request.h"

@interface _ANEInMemoryModelDescriptor : ANEDoubleObject {
 @public
  NSData* _text;
  NSDictionary* _weights;
}
+ (id)modelWithMILText:(NSData*)text weights:(NSDictionary*)weights optionsPlist:(NSData*)options;
@end

@class _ANEInMemoryModel;

@interface _ANEModel : ANEDoubleObject {
 @public
  _ANEInMemoryModel* _owner;  // which owns it, and is nil once that is freed
}
@end

@interface _ANEInMemoryModel : ANEDoubleObject {
  _ANEInMemoryModelDescriptor* _descriptor;
  struct double_program* _program;
  _ANEModel* _model;
  unsigned int _mask;
  int _state;  // 0 described, 1 compiled, 3 loaded
}
+ (id)inMemoryModelWithDescriptor:(_ANEInMemoryModelDescriptor*)descriptor;
- (NSString*)hexStringIdentifier;
- (BOOL)compileWithQoS:(unsigned int)qos options:(NSDictionary*)options error:(NSError**)error;
- (BOOL)loadWithQoS:(unsigned int)qos options:(NSDictionary*)options error:(NSError**)error;
- (BOOL)evaluateWithQoS:(unsigned int)qos
                options:(NSDictionary*)options
                request:(_ANERequest*)request
                  error:(NSError**)error;
- (BOOL)unloadWithQoS:(unsigned int)qos error:(NSError**)error;
// Of a loaded program, whichever call asked for it.
- (BOOL)evaluateRequest:(_ANERequest*)request error:(NSError**)error;
- (uint64_t)programHandle;
- (_ANEModel*)model;
- (unsigned int)perfStatsMask;
- (void)setPerfStatsMask:(unsigned int)mask;
- (NSUInteger)state;
@end

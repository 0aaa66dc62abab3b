#import "model.h"

#import "chaining.h"

#include <stdlib.h>

// ---- Descriptions

static void check_weight(id key, id entry) {
  must_be(key, [NSString class], "the name of a weight file");
  if (![key hasPrefix:@"@model_path/"]) double_violation("a weight file is called %s", [key UTF8String]);
  must_be(entry, [NSDictionary class], "the entry of a weight file");
  must_be([entry objectForKey:@"offset"], [NSNumber class], "the offset of a weight file");
  must_be([entry objectForKey:@"data"], [NSData class], "the data of a weight file");
  if ([[entry objectForKey:@"offset"] longLongValue] != 0) double_violation("the offset of a weight file is not 0");
}

@implementation _ANEInMemoryModelDescriptor

+ (id)modelWithMILText:(NSData*)text weights:(NSDictionary*)weights optionsPlist:(NSData*)options {
  must_be(text, [NSData class], "the text of a program");
  must_be(weights, [NSDictionary class], "the weights of a program");
  may_be(options, [NSData class], "the options of a program");
  NSEnumerator* names = [weights keyEnumerator];
  for (id key = [names nextObject]; key != nil; key = [names nextObject]) check_weight(key, [weights objectForKey:key]);
  if (told_to_give_nil("modelWithMILText:weights:optionsPlist:")) return nil;
  _ANEInMemoryModelDescriptor* descriptor = [[[self alloc] init] autorelease];
  descriptor->_text = [text copy];
  descriptor->_weights = [weights copy];
  return descriptor;
}

- (void)dealloc {
  [_text release];
  [_weights release];
  [super dealloc];
}

@end

@implementation _ANEModel
@end

@interface _ANEDeviceInfo : NSObject
+ (BOOL)hasANE;
+ (NSString*)aneArchitectureType;
@end
@implementation _ANEDeviceInfo
+ (BOOL)hasANE {
  return getenv("ANEMONE_ANE_DOUBLE_ABSENT") == NULL;
}
+ (NSString*)aneArchitectureType {
  return @"h00double";
}
@end

// ---- Models

static uint64_t add_to_hash(uint64_t hash, NSData* data) {
  const unsigned char* bytes = [data bytes];
  for (NSUInteger i = 0; i < [data length]; ++i) hash = (hash ^ bytes[i]) * 1099511628211ULL;
  return hash;
}

static NSArray* sorted_names(NSDictionary* weights) {
  return [[weights allKeys] sortedArrayUsingSelector:@selector(compare:)];
}

@implementation _ANEInMemoryModel

+ (id)inMemoryModelWithDescriptor:(_ANEInMemoryModelDescriptor*)descriptor {
  must_be(descriptor, [_ANEInMemoryModelDescriptor class], "the descriptor");
  if (told_to_give_nil("inMemoryModelWithDescriptor:")) return nil;
  _ANEInMemoryModel* model = [[[self alloc] init] autorelease];
  model->_descriptor = [descriptor retain];
  model->_model = [[_ANEModel alloc] init];
  model->_model->_owner = model;
  return model;
}

- (NSString*)identifier {
  const uint64_t start = 14695981039346656037ULL;
  uint64_t weights = start;
  NSArray* names = sorted_names(_descriptor->_weights);
  for (NSUInteger i = 0; i < [names count]; ++i) {
    NSString* name = [names objectAtIndex:i];
    weights = add_to_hash(weights, [name dataUsingEncoding:NSUTF8StringEncoding]);
    weights = add_to_hash(weights, [[_descriptor->_weights objectForKey:name] objectForKey:@"data"]);
  }
  return [NSString stringWithFormat:@"%016llX_%016llX", (unsigned long long)add_to_hash(start, _descriptor->_text),
                                    (unsigned long long)weights];
}

- (NSString*)hexStringIdentifier {
  return told_to_give_nil("hexStringIdentifier") ? nil : [self identifier];
}

- (NSString*)folder {
  return [NSTemporaryDirectory() stringByAppendingPathComponent:[self identifier]];
}

// The file must be there and be what the description says.
- (BOOL)file:(NSString*)path holds:(NSData*)data error:(NSError**)error {
  NSData* there = [NSData dataWithContentsOfFile:[[self folder] stringByAppendingPathComponent:path]];
  if (there == nil) return refuse(error, 2, [NSString stringWithFormat:@"there is no file %@", path]);
  if ([there isEqual:data]) return YES;
  return refuse(error, 2, [NSString stringWithFormat:@"%@ is not what was described", path]);
}

- (BOOL)filesAreThere:(NSError**)error {
  if (![self file:@"model.mil" holds:_descriptor->_text error:error]) return NO;
  NSArray* names = sorted_names(_descriptor->_weights);
  for (NSUInteger i = 0; i < [names count]; ++i) {
    NSString* name = [names objectAtIndex:i];
    NSString* path = [name substringFromIndex:[@"@model_path/" length]];
    NSData* data = [[_descriptor->_weights objectForKey:name] objectForKey:@"data"];
    if (![self file:path holds:data error:error]) return NO;
  }
  return YES;
}

- (struct double_program*)compiledWithError:(NSError**)error {
  NSArray* names = sorted_names(_descriptor->_weights);
  struct double_file* files = calloc([names count] + 1, sizeof *files);
  for (NSUInteger i = 0; i < [names count]; ++i) {
    NSData* data = [[_descriptor->_weights objectForKey:[names objectAtIndex:i]] objectForKey:@"data"];
    files[i] = (struct double_file){[[names objectAtIndex:i] UTF8String], [data bytes], [data length]};
  }
  char* text = NULL;
  struct double_program* program =
      double_compile([_descriptor->_text bytes], [_descriptor->_text length], files, [names count], &text);
  free(files);
  if (program == NULL) refuse(error, 1, [NSString stringWithUTF8String:text]);
  free(text);
  return program;
}

- (BOOL)compileWithQoS:(unsigned int)qos options:(NSDictionary*)options error:(NSError**)error {
  check_call(qos, options, error, "compileWithQoS:options:error:");
  if (_state != 0) double_violation("a program is compiled twice");
  if (told_to_refuse("compileWithQoS:options:error:", error)) return NO;
  if (double_take_compile() == 0) return refuse(error, 5, @"compilation failed: too many programs");
  if (![self filesAreThere:error]) return NO;
  _program = [self compiledWithError:error];
  if (_program == NULL) return NO;
  _state = 1;
  return YES;
}

- (BOOL)loadWithQoS:(unsigned int)qos options:(NSDictionary*)options error:(NSError**)error {
  check_call(qos, options, error, "loadWithQoS:options:error:");
  if (_state == 0) double_violation("a program is loaded that is not compiled");
  if (_state == 3) double_violation("a program is loaded twice");
  if (told_to_refuse("loadWithQoS:options:error:", error)) return NO;
  _state = 3;
  return YES;
}

- (BOOL)unloadWithQoS:(unsigned int)qos error:(NSError**)error {
  check_call(qos, [NSDictionary dictionary], error, "unloadWithQoS:error:");
  if (_state != 3) double_violation("a program is unloaded that is not loaded");
  _state = 1;
  return !told_to_refuse("unloadWithQoS:error:", error);
}

static size_t begin(NSArray* objects, struct double_surface** surfaces) {
  const size_t count = [objects count];
  *surfaces = calloc(count + 1, sizeof **surfaces);
  for (size_t i = 0; i < count; ++i) {
    IOSurface* surface = ((_ANEIOSurfaceObject*)[objects objectAtIndex:i])->_surface;
    if ([surface isLockedForWriting]) double_violation("a surface is locked for writing while a program runs on it");
    (*surfaces)[i].size = surface->_size;
  }
  for (size_t i = 0; i < count; ++i) {
    (*surfaces)[i].bytes = [((_ANEIOSurfaceObject*)[objects objectAtIndex:i])->_surface beginEngineAccess];
  }
  return count;
}

static void end(NSArray* objects, struct double_surface* surfaces) {
  for (NSUInteger i = 0; i < [objects count]; ++i) {
    [((_ANEIOSurfaceObject*)[objects objectAtIndex:i])->_surface endEngineAccess];
  }
  free(surfaces);
}

static void count_time(NSArray* statistics) {
  for (NSUInteger i = 0; i < [statistics count]; ++i) {
    id item = [statistics objectAtIndex:i];
    if ([item isKindOfClass:[_ANEPerformanceStats class]]) {
      ((_ANEPerformanceStats*)item)->_time = double_statistics();
    }
  }
}

- (BOOL)evaluateWithQoS:(unsigned int)qos
                options:(NSDictionary*)options
                request:(_ANERequest*)request
                  error:(NSError**)error {
  check_call(qos, options, error, "evaluateWithQoS:options:request:error:");
  must_be(request, [_ANERequest class], "the request");
  if (told_to_refuse("evaluateWithQoS:options:request:error:", error)) return NO;
  return [self evaluateRequest:request error:error];
}

- (BOOL)evaluateRequest:(_ANERequest*)request error:(NSError**)error {
  if (_state != 3) double_violation("a program is evaluated that is not loaded");
  struct double_surface *inputs, *outputs;
  const size_t input_count = begin(request->_inputs, &inputs);
  const size_t output_count = begin(request->_outputs, &outputs);
  const uint32_t status =
      double_evaluate(_program, [request->_procedure unsignedIntValue], inputs, input_count, outputs, output_count);
  end(request->_inputs, inputs);
  end(request->_outputs, outputs);
  if (status != 0) {
    return refuse(error, 8, [NSString stringWithFormat:@"Program Inference error (status=0x%x)", status]);
  }
  count_time(request->_statistics);
  if (request->_events != nil) [(_ANESharedEvents*)request->_events signal];
  return YES;
}

- (uint64_t)programHandle {
  return _state == 3 ? (uint64_t)(uintptr_t)_program : 0;
}
- (_ANEModel*)model {
  return _model;
}
- (unsigned int)perfStatsMask {
  return _mask;
}
- (void)setPerfStatsMask:(unsigned int)mask {
  _mask = mask;
}
- (NSUInteger)state {
  return (NSUInteger)_state;
}

- (void)dealloc {
  if (_state == 3) double_violation("a program is freed that is still loaded");
  if (_program != NULL) double_free(_program);
  [_descriptor release];
  _model->_owner = nil;
  [_model release];
  [super dealloc];
}

@end

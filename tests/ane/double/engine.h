/* What stands behind the classes: compiling, running, and keeping the books. In C, between Objective-C and C++. */
#ifndef ANE_DOUBLE_ENGINE_H
#define ANE_DOUBLE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the process with a sentence: whoever drives the framework has done what Apple's would not bear. */
void double_violation(const char* format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- Books */

enum double_failure { kNoFailure, kWithText, kEmptyText, kNoError, kException, kDeath };
enum double_failure double_called(const char* call); /* counts it; says whether it is to fail */
void double_born(const void* object, const char* class_name);
void double_died(const void* object);
void double_check_live(const void* object, const char* what); /* a violation where it is none of ours */
int double_take_compile(void);                                /* 0 where the budget is spent */
uint64_t double_statistics(void);
int double_is_entitled(void);  /* whether the process may begin a real-time task */
int double_is_computing(void); /* else outputs stay poison */

/* What stands wherever nobody has written: in new surfaces, and in the outputs of evaluations that fail. A NaN in every
 * type that has one. */
enum { double_poison = 0xFF };

/* ---- Programs. Errors are texts of malloc(). */

struct double_file {
  const char* path; /* "@model_path/weights/w.bin" */
  const void* bytes;
  size_t size;
};
struct double_surface {
  void* bytes;
  size_t size;
};
struct double_program;

struct double_program* double_compile(const char* text, size_t size, const struct double_file* files, size_t count,
                                      char** error);
size_t double_ports(const struct double_program* program, int outputs);
/* 0, or a status as the engine's. Surfaces in alphabetical order of the ports' names. */
uint32_t double_evaluate(struct double_program* program, uint32_t procedure, const struct double_surface* inputs,
                         size_t input_count, const struct double_surface* outputs, size_t output_count);
void double_free(struct double_program* program);

#ifdef __cplusplus
}
#endif
#endif

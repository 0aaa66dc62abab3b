/* The double of Apple's framework: what tests tell it and ask it. Plain C, looked up with dlsym.
 *
 *   ane_double_fail("loadWithQoS:options:error:", 1, "error");    the next such call answers NO, with an error
 *   ane_double_live(NULL)                                         objects that somebody still owns
 *
 * How a call may fail: "error" (its NSError has a text), "empty" (a text of no characters), "none" (no NSError at all),
 * "exception" (it raises), "die" (the process ends). Calls that answer with an object give nil for each of the first
 * three, and functions NULL or a status. ANEMONE_ANE_DOUBLE_FAIL=CALL=NTH=HOW does the same in processes that a test
 * starts. */
#ifndef ANE_DOUBLE_CONTROL_H
#define ANE_DOUBLE_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANE_DOUBLE_EXPORT __attribute__((visibility("default")))

ANE_DOUBLE_EXPORT void ane_double_reset(void); /* no failures or counts of calls, the usual budget, no statistics */
ANE_DOUBLE_EXPORT void ane_double_fail(const char* call, int nth, const char* how); /* nth from now on, from 1 */
ANE_DOUBLE_EXPORT int ane_double_calls(const char* call);                           /* made since the reset */
ANE_DOUBLE_EXPORT const char* ane_double_call(int i); /* the calls that can fail, NULL behind the last */
ANE_DOUBLE_EXPORT int ane_double_live(const char* class_name);
ANE_DOUBLE_EXPORT int ane_double_compiles(void);                        /* of this process, never reset */
ANE_DOUBLE_EXPORT void ane_double_set_budget(int compiles);             /* as many again from now on */
ANE_DOUBLE_EXPORT void ane_double_set_statistics(uint64_t nanoseconds); /* what requests count; 0 for nothing */
ANE_DOUBLE_EXPORT void ane_double_set_entitled(int entitled);           /* real-time tasks are granted, with YES */
ANE_DOUBLE_EXPORT void ane_double_set_computing(int computing);         /* 0: evaluations do all but compute */

#ifdef __cplusplus
}
#endif
#endif

/* The C interface of StreamDiffusion, for programs and bindings in any language (C99 or later).
 *
 * Conventions:
 * - Handles are opaque. What `..._open` returns is freed by the `..._free` of its type, which takes
 *   NULL too. A session keeps its engine alive.
 * - Parameters are set by name, as a JSON object in UTF-8: {"prompt": "a cat", "steps": 1}. Names,
 *   types and ranges are those of streamdiffusion_engine_parameters(), of the server and of
 *   `streamdiffusion info --parameters`. NULL stands for {}.
 * - Functions that can fail return a status, STREAMDIFFUSION_OK where they succeed. Where the last
 *   argument is not NULL, they also write an error object with a text there, to be freed by
 *   streamdiffusion_error_free(), or NULL where they succeed. No function throws, prints or exits.
 * - Members that hold a value of an enum are int32_t, so that a wrong one is refused by name.
 * - Structs begin with `struct_size`, sizeof of the struct as the caller was compiled: it is given
 *   to ..._init(), or set before a function that fills in a struct. Structs only ever grow at their
 *   end, and no function writes behind that size: a program that was compiled with an older header
 *   goes on working.
 * - A process that fork() makes after an engine was opened has no thread of the library. Functions
 *   return STREAMDIFFUSION_UNSUPPORTED there, with a text that says so, and those without a status,
 *   ..._free() among them, do nothing. Use exec() in it, or fork before the first engine is opened.
 * - Text that a function returns as `char *` is freed by streamdiffusion_string_free().
 */
#ifndef STREAMDIFFUSION_C_H
#define STREAMDIFFUSION_C_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define STREAMDIFFUSION_API __attribute__((visibility("default")))
#else
#define STREAMDIFFUSION_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define STREAMDIFFUSION_VERSION_MAJOR 0
#define STREAMDIFFUSION_VERSION_MINOR 1
#define STREAMDIFFUSION_VERSION_PATCH 0

/* Of the library that is loaded: "0.1.0". */
STREAMDIFFUSION_API const char* streamdiffusion_version(void);

/* ---- errors ---------------------------------------------------------------------------------- */

typedef enum streamdiffusion_status {
  STREAMDIFFUSION_OK = 0,
  /* A parameter, flag or frame is outside what is allowed. */
  STREAMDIFFUSION_INVALID_ARGUMENT = 1,
  /* A file, folder, tensor or device does not exist. */
  STREAMDIFFUSION_NOT_FOUND = 2,
  /* A file is truncated or contradicts itself. */
  STREAMDIFFUSION_CORRUPT_FILE = 3,
  /* Understood, but not implemented. */
  STREAMDIFFUSION_UNSUPPORTED = 4,
  /* The operating system refused to read or write. */
  STREAMDIFFUSION_IO = 5,
  /* A latent or image is not finite. */
  STREAMDIFFUSION_NUMERIC = 6,
  /* As many as allowed are in use; try again later. */
  STREAMDIFFUSION_BUSY = 7,
  /* A defect of the library, or memory is used up. */
  STREAMDIFFUSION_INTERNAL = 8,
  /* A callback of the caller's asked for the end. */
  STREAMDIFFUSION_STOPPED = 9,
  /* No output is ready, or none came in time. No error object. */
  STREAMDIFFUSION_NO_OUTPUT = 100,
  /* The stream has ended: there will be no more outputs, or no more frames are taken. No error
   * object. */
  STREAMDIFFUSION_END = 101
} streamdiffusion_status;

typedef struct streamdiffusion_error streamdiffusion_error;

STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_error_status(const streamdiffusion_error* error);
/* Names what was found and what was expected. Valid until the error is freed. */
STREAMDIFFUSION_API const char* streamdiffusion_error_message(const streamdiffusion_error* error);
/* The parameter at fault, or "". */
STREAMDIFFUSION_API const char* streamdiffusion_error_parameter(const streamdiffusion_error* error);
STREAMDIFFUSION_API void streamdiffusion_error_free(streamdiffusion_error* error);

STREAMDIFFUSION_API void streamdiffusion_string_free(char* text);

typedef enum streamdiffusion_log_level {
  STREAMDIFFUSION_LOG_DEBUG = 0,
  STREAMDIFFUSION_LOG_INFO = 1,
  STREAMDIFFUSION_LOG_NOTICE = 2,
  STREAMDIFFUSION_LOG_WARNING = 3
} streamdiffusion_log_level;

/* Gets one line without a newline, on any thread. Must not call the library. */
typedef void (*streamdiffusion_log_callback)(streamdiffusion_log_level level, const char* message,
                                             void* user);
/* Of the whole process; NULL (the default) drops every message. */
STREAMDIFFUSION_API void streamdiffusion_set_log_callback(streamdiffusion_log_callback callback,
                                                          void* user);

/* ---- frames ---------------------------------------------------------------------------------- */

/* How pixels lie in memory. Alpha, and the unused byte X, are not looked at when a frame is read,
 * and written as 255. */
typedef enum streamdiffusion_format {
  /* 8 bits a channel, one plane, in the order of the name. */
  STREAMDIFFUSION_FORMAT_RGB = 0,
  STREAMDIFFUSION_FORMAT_BGR = 1,
  STREAMDIFFUSION_FORMAT_RGBA = 2,
  STREAMDIFFUSION_FORMAT_BGRA = 3,
  STREAMDIFFUSION_FORMAT_RGBX = 4,
  STREAMDIFFUSION_FORMAT_BGRX = 5,
  STREAMDIFFUSION_FORMAT_ARGB = 6,
  /* Y, and U and V interleaved at half the width and height, rounded up. */
  STREAMDIFFUSION_FORMAT_NV12 = 7,
  /* Y, U, V; the last two at half the width and height, rounded up. */
  STREAMDIFFUSION_FORMAT_I420 = 8
} streamdiffusion_format;

typedef enum streamdiffusion_memory {
  STREAMDIFFUSION_MEMORY_HOST = 0,
  /* Of the card that the engine runs on: memory of cudaMalloc or cudaMallocManaged. It is copied
   * when the function is called, after what was queued on the card's default (legacy) stream; work
   * on other streams must have ended. An engine on another device refuses it as
   * STREAMDIFFUSION_UNSUPPORTED. */
  STREAMDIFFUSION_MEMORY_CUDA = 1
} streamdiffusion_memory;

typedef enum streamdiffusion_matrix {
  STREAMDIFFUSION_MATRIX_BT601 = 0,
  STREAMDIFFUSION_MATRIX_BT709 = 1
} streamdiffusion_matrix;

typedef enum streamdiffusion_range {
  /* Y in 16..235, U and V in 16..240 */
  STREAMDIFFUSION_RANGE_LIMITED = 0,
  STREAMDIFFUSION_RANGE_FULL = 1
} streamdiffusion_range;

typedef struct streamdiffusion_frame {
  size_t struct_size;
  /* In pixels; any size: a frame is resized as the parameter "fit" says. */
  int32_t width, height;
  /* streamdiffusion_format and streamdiffusion_memory */
  int32_t format, memory;
  /* The first row of each plane. For an image that is stored from bottom to top this is the last
   * row in memory, and its stride is negative. Not written to, but by streamdiffusion_output_copy(). */
  void* planes[4];
  /* Bytes from one row to the next. */
  ptrdiff_t strides[4];
  /* Of NV12 and I420. */
  int32_t matrix, range;
  /* When it was captured, in nanoseconds of CLOCK_MONOTONIC; 0 for now. Negative times, and those
   * more than a day ahead, are refused. */
  int64_t captured_ns;
  /* The caller's own; comes back with the output. */
  uint64_t tag;
  /* For streamdiffusion_live_submit(): NULL, and the pixels are copied before it returns; or a
   * function that is called exactly once, on any thread, when the pixels are no longer needed,
   * whether the frame was taken or not (but not where struct_size is too small to hold it). */
  void (*release)(void* release_user);
  void* release_user;
} streamdiffusion_frame;

/* RGB in host memory, everything else 0. `struct_size` is sizeof(streamdiffusion_frame). */
STREAMDIFFUSION_API void streamdiffusion_frame_init(streamdiffusion_frame* frame,
                                                    size_t struct_size);

/* ---- outputs --------------------------------------------------------------------------------- */

/* What became of a frame: an image, or an error. Counted references; thread-safe. */
typedef struct streamdiffusion_output streamdiffusion_output;

typedef struct streamdiffusion_output_info {
  size_t struct_size;
  /* Counted from 0, in the order of the frames. */
  uint64_t frame_id;
  uint64_t tag;
  int32_t width, height;
  /* [height, width, 3], 8-bit RGB without gaps. Lives as long as the output. NULL for a frame that
   * failed. */
  const uint8_t* rgb;
  /* 1 where the similarity filter reused the previous image. */
  int32_t reused;
  /* When the frame was captured, was decoded and resized, entered its first UNet call, and left its
   * last one, in nanoseconds of CLOCK_MONOTONIC. */
  int64_t captured_ns, prepared_ns, entered_ns, finished_ns;
} streamdiffusion_output_info;

/* `info->struct_size` is to be set to sizeof(streamdiffusion_output_info). */
STREAMDIFFUSION_API void streamdiffusion_output_get(const streamdiffusion_output* output,
                                                    streamdiffusion_output_info* info);
/* Writes the image into memory of the caller's, in any format and size. Into a card's memory only
 * while the session that it came from lives; it is there when the function returns. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_output_copy(const streamdiffusion_output* output,
                            const streamdiffusion_frame* target, streamdiffusion_error** error);
STREAMDIFFUSION_API streamdiffusion_output* streamdiffusion_output_retain(
    streamdiffusion_output* output);
STREAMDIFFUSION_API void streamdiffusion_output_release(streamdiffusion_output* output);

/* ---- engine ---------------------------------------------------------------------------------- */

/* A model on a device. Functions may be called from any thread. */
typedef struct streamdiffusion_engine streamdiffusion_engine;

/* Opens a model. Parameters of the engine: {"model": "stabilityai/sd-turbo", "device": "cpu",
 * "dtype": "bf16", "threads": 4}. Models, LoRAs, ControlNets and autoencoders are paths, or names
 * on the Hugging Face hub (ORG/NAME[@REVISION]) or on Civitai (civitai:NUMBER). What a name stands
 * for is taken from the cache, or downloaded into it and told by the log callback. Without "model":
 * $STREAMDIFFUSION_MODELS/pictogram, or the included model beside the installed library. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_engine_open(
    const char* parameters, streamdiffusion_engine** engine, streamdiffusion_error** error);
/* Called ten times a second while files of `name` arrive, in the thread that opens the engine.
 * `bytes` of `total_bytes` are there. Any value but 0 ends the download; what has arrived is kept. */
typedef int (*streamdiffusion_download_progress)(const char* name, uint64_t bytes,
                                                 uint64_t total_bytes, void* user);
/* The same, with what is told of downloads. Where `progress` ended one: STREAMDIFFUSION_STOPPED. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_engine_open_with_progress(
    const char* parameters, streamdiffusion_download_progress progress, void* user,
    streamdiffusion_engine** engine, streamdiffusion_error** error);
STREAMDIFFUSION_API void streamdiffusion_engine_free(streamdiffusion_engine* engine);
/* {"model", "folder", "device", "dtype", "parameters", "weight_bytes", "latent_factor", "loras",
 * "controlnets", "ipadapters"} */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_engine_info(
    const streamdiffusion_engine* engine, char** json, streamdiffusion_error** error);
/* A JSON Schema of the parameters of a stream, with this model's defaults. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_engine_parameters(
    const streamdiffusion_engine* engine, char** schema, streamdiffusion_error** error);

/* ---- session: frames on the caller's thread --------------------------------------------------- */

/* One stream. Used by one thread at a time; several threads may use several sessions. */
typedef struct streamdiffusion_session streamdiffusion_session;

STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_session_open(streamdiffusion_engine* engine, const char* parameters,
                             streamdiffusion_session** session, streamdiffusion_error** error);
STREAMDIFFUSION_API void streamdiffusion_session_free(streamdiffusion_session* session);
/* Changes parameters before the next frame. One that needs other programs (size, number of steps,
 * mode) compiles them now; frames in flight are finished under the old ones. On an error nothing
 * has changed. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_session_change(
    streamdiffusion_session* session, const char* parameters, streamdiffusion_error** error);
/* The values of all parameters, as JSON. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_session_parameters(
    const streamdiffusion_session* session, char** json, streamdiffusion_error** error);
/* Enters a frame; NULL in text-to-image mode ({"mode": "txt2img"}). With n steps its output comes
 * n - 1 frames later. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_session_process(streamdiffusion_session* session,
                                const streamdiffusion_frame* frame, streamdiffusion_error** error);
/* Finishes all frames in flight. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_session_flush(streamdiffusion_session* session, streamdiffusion_error** error);
/* The next output that is ready, in the order of the frames, or STREAMDIFFUSION_NO_OUTPUT. For a
 * frame that failed the status is its error's, and the output has its number. The caller releases
 * the output. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_session_next(streamdiffusion_session* session, streamdiffusion_output** output,
                             streamdiffusion_error** error);

/* ---- live session: frames as they come, on threads of the library ----------------------------- */

/* Functions may be called from any thread. stop, drain and free must not be called from a callback:
 * the first two return STREAMDIFFUSION_INVALID_ARGUMENT there, and free does nothing but log. Nor
 * must submit under STREAMDIFFUSION_POLICY_BLOCK: where all entries are taken, it waits for the
 * very thread that runs the callback, until another one stops the session. */
typedef struct streamdiffusion_live streamdiffusion_live;

typedef enum streamdiffusion_policy {
  /* A new frame replaces the one that waits. For live input. */
  STREAMDIFFUSION_POLICY_LATEST = 0,
  /* A new frame drops the oldest of `depth` waiting ones. */
  STREAMDIFFUSION_POLICY_DROP_OLDEST = 1,
  /* submit waits until there is a free entry, so that nothing is dropped. For files. */
  STREAMDIFFUSION_POLICY_BLOCK = 2
} streamdiffusion_policy;

typedef struct streamdiffusion_live_options {
  size_t struct_size;
  /* streamdiffusion_policy */
  int32_t policy;
  /* Frames that wait in each queue, 1..1024; 1 for LATEST. */
  int32_t depth;
  /* Gets every image, in order, on a thread of the session. The output is released after the call:
   * retain it to keep it. NULL: outputs are fetched by streamdiffusion_live_take(). */
  void (*output)(streamdiffusion_output* output, void* user);
  /* Gets the error of a frame, or of a change that could not be prepared (has_frame 0). NULL: they
   * are logged as warnings. */
  void (*error)(const streamdiffusion_error* error, int has_frame, uint64_t frame_id, void* user);
  void* user;
} streamdiffusion_live_options;

/* LATEST, depth 1, no callbacks. `struct_size` is sizeof(streamdiffusion_live_options). */
STREAMDIFFUSION_API void streamdiffusion_live_options_init(streamdiffusion_live_options* options,
                                                           size_t struct_size);

/* `options` may be NULL. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_live_open(streamdiffusion_engine* engine, const char* parameters,
                          const streamdiffusion_live_options* options, streamdiffusion_live** live,
                          streamdiffusion_error** error);
/* Stops, and frees. */
STREAMDIFFUSION_API void streamdiffusion_live_free(streamdiffusion_live* live);
/* Submits a frame; NULL in text-to-image mode, and only there. `frame_id`, where it is not NULL,
 * gets its number. STREAMDIFFUSION_END where the session takes no more frames. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_live_submit(streamdiffusion_live* live, const streamdiffusion_frame* frame,
                            uint64_t* frame_id, streamdiffusion_error** error);
/* The next output, for a live session without an output callback. Waits for at most `timeout_ms`;
 * 0 not at all, negative without limit. STREAMDIFFUSION_NO_OUTPUT where none came in time,
 * STREAMDIFFUSION_END after the last one. With LATEST an output that was not fetched is replaced by
 * the next. The caller releases the output. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_live_take(streamdiffusion_live* live, int32_t timeout_ms,
                          streamdiffusion_output** output, streamdiffusion_error** error);
/* Changes parameters, between two frames. Those that need other programs are prepared in the
 * background and then take over without a gap. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_live_change(
    streamdiffusion_live* live, const char* parameters, streamdiffusion_error** error);
/* The values of all parameters last asked for, as JSON, without a change that was taken back
 * because it could not be prepared; the error callback told of it. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_live_parameters(
    const streamdiffusion_live* live, char** json, streamdiffusion_error** error);
/* Frames submitted during a pause are dropped. */
STREAMDIFFUSION_API void streamdiffusion_live_pause(streamdiffusion_live* live);
STREAMDIFFUSION_API void streamdiffusion_live_resume(streamdiffusion_live* live);
/* Takes no more frames and returns at once; those in flight are delivered. */
STREAMDIFFUSION_API void streamdiffusion_live_close(streamdiffusion_live* live);
/* Takes no more frames, delivers those in flight, and waits for that. Outputs for
 * streamdiffusion_live_take() must be fetched meanwhile by another thread, or fit in the queue. */
STREAMDIFFUSION_API streamdiffusion_status
streamdiffusion_live_drain(streamdiffusion_live* live, streamdiffusion_error** error);
/* Drops the frames in flight and waits for the threads to end. */
STREAMDIFFUSION_API streamdiffusion_status streamdiffusion_live_stop(streamdiffusion_live* live,
                                                                     streamdiffusion_error** error);

/* Every captured frame is counted exactly once more, at any moment. */
typedef struct streamdiffusion_counters {
  size_t struct_size;
  /* Submitted. */
  uint64_t captured;
  /* Delivered, generated by the model; and with the previous image. */
  uint64_t processed, skipped;
  /* Dropped by the policy, during a pause, or by a stop. */
  uint64_t dropped;
  uint64_t failed;
  uint64_t in_flight;
  /* Of those that were delivered: replaced before they were fetched. */
  uint64_t replaced;
} streamdiffusion_counters;

/* `counters->struct_size` is to be set to sizeof(streamdiffusion_counters). */
STREAMDIFFUSION_API void streamdiffusion_live_counters(const streamdiffusion_live* live,
                                                       streamdiffusion_counters* counters);

#ifdef __cplusplus
}
#endif

#endif

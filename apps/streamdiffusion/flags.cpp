#include "flags.h"

namespace streamdiffusion::app {
void EngineFlags::add_to(CLI::App& command) {
  command
      .add_option("--model", options.model,
                  "Folder of a model in diffusers' layout; the model in the box if not given")
      ->type_name("DIR");
  command
      .add_option("--vae", options.vae, "Folder of another autoencoder, instead of the model's own")
      ->type_name("DIR");
  command
      .add_option("--random-weights", options.random_weights,
                  "An architecture with random weights instead of a model: sd-turbo or sd15")
      ->excludes("--model");
  command.add_option("--device", options.device, "What to run on: cpu, or ref (slow, exact)")
      ->capture_default_str();
  add_choice(command, "--dtype", options.dtype, kDataTypes,
             "Type of the arithmetic: auto (the faster of bf16 and f32), f32, bf16, or int8, "
             "calibrated on first use");
  command
      .add_option("--calibration", options.calibration,
                  "File of `quantize` for int8, instead of the model's or the cache's")
      ->type_name("FILE");
  command.add_flag("!--no-cache", options.cache,
                   "Neither read nor keep an int8 calibration in the user's cache");
  command.add_option("--threads", options.threads, "Threads; 0 for every core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command.add_option(
      "--max-isa", options.max_isa,
      "Cap on the instruction set: amx, avx512_bf16, avx512_vnni, avx512, avx2_vnni, avx2");
}

void SessionFlags::add_to(CLI::App& command) {
  command.add_option("--prompt", prompts, "What to draw; several are blended")
      ->type_name("TEXT")
      ->expected(1, -1);
  command.add_option("--prompt-weights", prompt_weights, "Weight of each prompt in the blend")
      ->type_name("W")
      ->delimiter(',');
  command.add_flag("--lerp", lerp, "Blend prompts along a straight line instead of a great circle");
  command.add_option("--width", options.width, "Width of the images")->check(CLI::Range(8, 16384));
  command.add_option("--height", options.height, "Height of the images")
      ->check(CLI::Range(8, 16384));
  command.add_option("--seed", options.seed, "Seed of all noise")->capture_default_str();
  add_schedule(command);
  add_guidance(command);
  add_filter(command);
}

void SessionFlags::add_schedule(CLI::App& command) {
  command
      .add_option("--t-index-list", options.t_index_list,
                  "Denoising steps: places in the schedule, small for much change")
      ->type_name("I,J,...")
      ->delimiter(',');
  command.add_option("--num-inference-steps", options.num_inference_steps,
                     "Length of the schedule the places refer to");
  command.add_flag("!--no-add-noise", options.do_add_noise,
                   "No fresh noise between the steps: smoother, less varied");
  command.add_flag("!--sequential", options.use_denoising_batch,
                   "Run the steps of a frame one after another, not as a stream batch");
  command
      .add_option("--frame-buffer-size", options.frame_buffer_size,
                  "Frames that enter the batch together")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  add_choice(command, "--parallel", options.parallel, kParallels,
             "Cores work on the same op (ops), or each on its rows (rows); auto measures");
}

void SessionFlags::add_guidance(CLI::App& command) {
  command
      .add_option("--negative-prompt", negative_prompt,
                  "What not to draw (guidance full and initialize)")
      ->type_name("TEXT");
  add_choice(command, "--cfg-type", options.cfg_type, kCfgTypes,
             "Guidance: none, full, self or initialize");
  command.add_option("--guidance-scale", options.guidance_scale,
                     "Strength of the guidance; 1 for none");
  command.add_option("--delta", options.delta,
                     "Strength of the virtual negative noise (self, initialize)");
}

void SessionFlags::add_filter(CLI::App& command) {
  command.add_flag("--similar-image-filter", options.enable_similar_image_filter,
                   "Skip frames that resemble the last one");
  command
      .add_option("--similar-image-filter-threshold", options.similar_image_filter_threshold,
                  "Likeness from which frames may be skipped")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--similar-image-filter-max-skip-frame",
                  options.similar_image_filter_max_skip_frame, "Most frames skipped in a row")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
}

}  // namespace streamdiffusion::app

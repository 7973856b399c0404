#include "media/input_io.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/git_lfs.h"
#include "base/input_file.h"
#include "base/log.h"
#include "image/image_format.h"
#include "media/edit_list.h"

namespace streamdiffusion::media {
namespace {

/// What libav asks for first as well.
constexpr std::size_t kProbeBytes = 2048;

bool is_mp4_demuxer(const AVInputFormat* format) {
  return format != nullptr && std::string_view(format->name).starts_with("mov,");
}

/// Whether the demuxer must be able to go back in its input, or know its length: an animated PNG is
/// begun again, a GIF is looked through for its times, and of still images that libav has no parser
/// for (TIFF) the length says where they end.
bool needs_whole(const AVInputFormat& format) {
  std::string_view name = format.name;
  if (name == "apng" || name == "gif") return true;
  if (!name.ends_with("_pipe")) return false;
  name.remove_suffix(std::string_view("_pipe").size());
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(std::string(name).c_str());
  if (codec == nullptr) return false;
  AVCodecParserContext* parser = av_parser_init(codec->id);
  if (parser != nullptr) av_parser_close(parser);
  return parser == nullptr;
}

/// AVFormatContext::io_open of an address with a guard.
int open_if_allowed(AVFormatContext* context, AVIOContext** io, const char* url, int flags,
                    AVDictionary** options) {
  static const auto libav_io_open = [] {  // the same in each context
    const AvOutput plain(avformat_alloc_context());
    if (!plain) throw std::bad_alloc();
    return plain->io_open;
  }();
  AddressGuard* guard = static_cast<AvLog*>(context->opaque)->guard();
  if (guard != nullptr && !guard->allows(url)) return AVERROR_EXIT;
  return libav_io_open(context, io, url, flags, options);
}

/// Of a pipe whose format the user gives: waits for its first bytes alone, and leaves them there.
void refuse_lfs_pointer(AVIOContext& io, const std::string& name) {
  avio_r8(&io);
  const std::span read(io.buffer, io.buf_end);
  if (avio_seek(&io, 0, SEEK_SET) == 0) base::refuse_lfs_pointer(std::as_bytes(read), name);
}

/// What libav would take an input for that begins so.
const AVInputFormat* probed_format(std::vector<std::byte> first) {
  const std::size_t count = first.size();
  first.resize(count + AVPROBE_PADDING_SIZE);
  AVProbeData data{};
  data.filename = "";
  data.buf = reinterpret_cast<unsigned char*>(first.data());
  data.buf_size = static_cast<int>(count);
  return av_probe_input_format(&data, 1);
}

/// The header is a line of fields, each a letter and a value behind a space. Without F, or
/// with F0:0 for an unknown rate, libav takes 25 frames a second.
bool is_y4m_without_rate(std::span<const std::byte> first) {
  std::string_view line(reinterpret_cast<const char*>(first.data()), first.size());
  if (!line.starts_with("YUV4MPEG2 ")) return false;
  line = line.substr(0, line.find('\n'));
  const std::size_t rate = line.find(" F");
  return rate == std::string_view::npos || line.substr(rate).starts_with(" F0:");
}

}  // namespace

InputIo::~InputIo() {
  ahead_.reset();
  avio_closep(&address_);
}

int InputIo::prepare(const AvInputSpec& spec, const std::string& protocols,
                     AVFormatContext& context, AvOptions& settings) {
  if (spec.descriptor >= 0) {
    pipe_ = std::make_unique<DescriptorIo>(spec.descriptor, DescriptorIo::Direction::read,
                                           interrupt_, spec.close_descriptor);
    context.pb = pipe_->context();
  } else if (spec.web) {
    if (!spec.trusted) guard(spec, context);
    if (const int status = open_address(spec, protocols); status < 0) return status;
    context.pb = address_;
  }
  if (context.pb != nullptr) context.flags |= AVFMT_FLAG_CUSTOM_IO;  // libav does not close it
  if (context.pb != nullptr && spec.format.empty()) {
    context.pb = look_into(*context.pb, spec.name, settings);
  } else if (context.pb != nullptr) {
    refuse_lfs_pointer(*context.pb, spec.name);
  } else if (!spec.file.empty()) {
    look_into(spec.file);
    if (has_excessive_edits(spec.file, spec.name)) settings.set("ignore_editlist", "1");
  } else {
    settings.set("advanced_editlist", "0");
    edits_in_part_ = true;
  }
  settings.set("seg_format_options", "advanced_editlist=0");  // of the parts of a playlist
  return 0;
}

void InputIo::guard(const AvInputSpec& spec, AVFormatContext& context) {
  guard_.emplace(spec.url, interrupt_);
  static_cast<AvLog*>(context.opaque)->set_guard(&*guard_);
  context.io_open = open_if_allowed;
}

int InputIo::open_address(const AvInputSpec& spec, const std::string& protocols) {
  AvOptions options;
  options.set("protocol_whitelist", protocols);
  const AVIOInterruptCB callback = interrupt_.callback();
  const int status =
      avio_open2(&address_, spec.url.c_str(), AVIO_FLAG_READ, &callback, options.get());
  if (guard_) guard_->on_opened();
  return status;
}

void InputIo::keep_whole(const std::string& name, const char* what, const char* way_out,
                         std::uint64_t end) {
  if ((ahead_->context()->seekable & AVIO_SEEKABLE_NORMAL) != 0) return;
  const bool kept = end <= AheadIo::kMaxKept && ahead_->keep_whole();
  base::require(kept, base::ErrorCode::unsupported, name, ": is ", what, ", and of a pipe at most ",
                AheadIo::kMaxKept >> 20U, " MiB are kept for that; give ", way_out,
                "the file itself with --input");
}

std::optional<std::uint64_t> InputIo::end_of_images_before_index(const ReadAt& read) {
  try {
    return end_of_data_before_index(Mp4File(read, ahead_->size()));
  } catch (const Error&) {  // it ends
    return std::nullopt;
  }
}

void InputIo::look_at_beginning(std::span<const std::byte> first, const std::string& name) {
  base::refuse_lfs_pointer(first, name);
  if (is_y4m_without_rate(first)) {
    base::warn(name,
               ": its y4m header names no frame rate (F); 25 frames a second are assumed, "
               "--fps sets another");
  }
  const char* format = image::name_of_other_format(first);
  is_heic_ = format != nullptr && std::string_view(format) == "a HEIC image";
}

void InputIo::look_into(const std::string& file) {
  std::vector<std::byte> first(kProbeBytes);
  try {
    const base::InputFile input(file);
    const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
      input.read(offset, out);
    };
    empty_file_ = input.size() == 0;
    first.resize(std::min<std::uint64_t>(first.size(), input.size()));
    input.read(0, first);
    const bool boxes = first.size() >= 8 && std::memcmp(&first[4], "ftyp", 4) == 0;
    if (boxes) still_ = heif_metadata(Mp4File(read, input.size()));
  } catch (const Error&) {  // no regular file, or its boxes end early
  }
  look_at_beginning(first, file);
}

bool InputIo::read_header(const std::string& name, AvOptions& settings) {
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
    ahead_->read_ahead(offset, out);
  };
  if (const auto end = end_of_images_before_index(read)) {
    keep_whole(name, "an MP4 with its index (moov) behind its images",
               "one with the index first (ffmpeg's -movflags +faststart), or ", *end);
  }
  try {
    const auto list = longest_edit_list(read, ahead_->size(), false);
    if (warn_if_excessive(list, name)) settings.set("ignore_editlist", "1");
    chapter_tracks_ = media::chapter_tracks(Mp4File(read, ahead_->size()));
    still_ = heif_metadata(Mp4File(read, ahead_->size()));
    return true;
  } catch (const Error&) {  // it ends, or its header is too long
    return false;
  }
}

AVIOContext* InputIo::look_into(AVIOContext& io, const std::string& name, AvOptions& settings) {
  ahead_ = std::make_unique<AheadIo>(io);
  const std::vector<std::byte> first = ahead_->first(kProbeBytes);
  look_at_beginning(first, name);
  const AVInputFormat* format = probed_format(first);
  const bool mp4 = is_mp4_demuxer(format);
  // A playlist is read through libav's own context, which knows about cookies and redirections.
  if (!mp4 && address_ != nullptr && avio_seek(&io, 0, SEEK_SET) == 0) ahead_.reset();
  if (format != nullptr && ahead_ && needs_whole(*format)) {
    keep_whole(name, "an image or animation that has to be read as a whole", "");
  }
  const bool known = mp4 && read_header(name, settings);
  edits_in_part_ = !known;
  if (!known) settings.set("advanced_editlist", "0");
  return ahead_ ? ahead_->context() : &io;
}

void InputIo::say_what_is_not_obeyed(const std::string& name, const AVInputFormat& format) const {
  if (still_.cropped) base::warn(name, ": its crop (clap) is not applied; all of it is used");
  if (!edits_in_part_ || !is_mp4_demuxer(&format)) return;
  base::warn(name,
             ": its header cannot be looked into ahead; of an edit list only the start is obeyed");
}

}  // namespace streamdiffusion::media

// The C interface: engine, session, outputs, errors, and structs of other versions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "c_api/support.h"
#include "json/json.h"
#include "streamdiffusion/streamdiffusion.h"
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace streamdiffusion::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A session that frees itself.
class CSession {
 public:
  explicit CSession(const char* parameters = kSmall) {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_open(tiny_engine(), parameters, &session_, &error), error);
  }
  ~CSession() { streamdiffusion_session_free(session_); }
  CSession(const CSession&) = delete;
  CSession& operator=(const CSession&) = delete;
  operator streamdiffusion_session*() const { return session_; }

  void process(const streamdiffusion_frame* frame) {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_process(session_, frame, &error), error);
  }
  void flush() {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_flush(session_, &error), error);
  }
  void change(const char* parameters) {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_change(session_, parameters, &error), error);
  }
  /// Every output that is ready, as pixels by frame tag.
  std::map<std::uint64_t, std::vector<std::uint8_t>> take() {
    std::map<std::uint64_t, std::vector<std::uint8_t>> all;
    streamdiffusion_output* output = nullptr;
    while (streamdiffusion_session_next(session_, &output, nullptr) == STREAMDIFFUSION_OK) {
      all[info_of(output).tag] = pixels_of(output);
      streamdiffusion_output_release(output);
    }
    return all;
  }
  std::string change_error(const char* parameters) {
    streamdiffusion_error* error = nullptr;
    const auto status = streamdiffusion_session_change(session_, parameters, &error);
    return text_of(status, error);
  }

 private:
  streamdiffusion_session* session_ = nullptr;
};

/// What the C++ interface makes of the same frames.
std::vector<Image> expected_images(int frames) {
  const json::Json options = json::Json::parse(engine_parameters(), "test");
  Engine engine = Engine::open({.model = options.at("model").string(),
                                .device = SD_TEST_DEVICE,
                                .dtype = DataType::f32,
                                .threads = 2});
  Session session = engine.session({.width = 32, .height = 24, .t_index_list = {22, 45}});
  session.set_prompt("red apple");
  std::vector<Image> images;
  for (int i = 0; i < frames; ++i) {
    const TestFrame frame(i);
    if (auto out = session.process(ImageView(frame.rgb.data(), 32, 24, 96)))
      images.push_back(std::move(out->image));
  }
  for (Output& out : session.flush()) images.push_back(std::move(out.image));
  return images;
}

TEST(CSession, GivesTheImagesOfTheCppInterface) {
  CSession session;
  const std::vector<Image> expected = expected_images(3);
  for (int i = 0; i < 3; ++i) session.process(TestFrame(i).pointer());
  session.flush();
  const auto outputs = session.take();
  ASSERT_EQ(outputs.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outputs.at(100 + i), expected[i].rgb) << i;
}

TEST(CSession, TakesOtherLayoutsAndSizes) {
  CSession session(R"({"width": 32, "height": 24, "t_index_list": [30], "prompt": "red apple"})");
  TestFrame plain(0);
  std::vector<std::uint8_t> bgra(32 * 24 * 4);
  for (std::size_t i = 0; i < 32 * 24; ++i) {
    const std::size_t row = i / 32, flipped = (23 - row) * 32 + i % 32;
    for (std::size_t c = 0; c < 3; ++c) bgra[4 * flipped + 2 - c] = plain.rgb[3 * i + c];
  }
  TestFrame other(1);
  other.frame.format = STREAMDIFFUSION_FORMAT_BGRA;
  other.frame.planes[0] = bgra.data() + std::size_t{23} * 128;
  other.frame.strides[0] = -128;
  TestFrame large(2, 64, 48);
  TestFrame bottom_up(3);
  for (std::size_t row = 0; row < 24; ++row)
    std::copy_n(plain.rgb.begin() + static_cast<std::ptrdiff_t>(96 * row), 96,
                bottom_up.rgb.end() - static_cast<std::ptrdiff_t>(96 * (row + 1)));
  bottom_up.frame.planes[0] = bottom_up.rgb.data() + std::size_t{23} * 96;
  bottom_up.frame.strides[0] = -96;
  for (const TestFrame* frame : {&plain, &other, &large, &bottom_up})
    session.process(&frame->frame);
  const auto outputs = session.take();
  ASSERT_EQ(outputs.size(), 4U);
  EXPECT_EQ(outputs.at(100), outputs.at(101));
  EXPECT_EQ(outputs.at(100), outputs.at(103));
  EXPECT_EQ(outputs.at(102).size(), outputs.at(100).size());
}

TEST(CSession, ChangesEveryKindOfParameterWithoutLosingAFrame) {
  CSession session;
  session.process(TestFrame(0).pointer());
  session.change(R"({"prompt": "green tree", "guidance_scale": 1.4})");
  session.process(TestFrame(1).pointer());
  session.change(R"({"width": 40, "steps": 3})");
  session.process(TestFrame(2).pointer());
  session.flush();
  const auto outputs = session.take();
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs.at(101).size(), 32U * 24 * 3);
  EXPECT_EQ(outputs.at(102).size(), 40U * 24 * 3);
}

TEST(CSession, RefusesWhatItCannotSetAndStaysAsItWas) {
  CSession session;
  EXPECT_THAT(session.change_error(R"({"widht": 64})"),
              AllOf(StartsWith("1 "), HasSubstr("did you mean \"width\"?")));
  EXPECT_THAT(session.change_error(R"({"steps": 99})"), HasSubstr("\"steps\""));
  EXPECT_THAT(session.change_error(R"({"width": 33})"), HasSubstr("33"));
  EXPECT_THAT(session.change_error("[1]"), HasSubstr("expected an object"));
  EXPECT_THAT(session.change_error("{"), StartsWith("1 "));
  EXPECT_THAT(session.change_error(R"({"model": "x"})"), HasSubstr("no parameter \"model\""));
  session.process(TestFrame(0).pointer());
  session.flush();
  EXPECT_EQ(session.take().at(100), expected_images(1)[0].rgb);
}

TEST(CSession, NamesTheParameterAtFault) {
  CSession session;
  streamdiffusion_error* error = nullptr;
  EXPECT_EQ(streamdiffusion_session_change(session, R"({"guidance_scale": -1})", &error),
            STREAMDIFFUSION_INVALID_ARGUMENT);
  EXPECT_STREQ(streamdiffusion_error_parameter(error), "guidance_scale");
  streamdiffusion_error_free(error);
}

TEST(CSession, SaysOnceThatAPromptIsEmptyUnlessItIsMeant) {
  std::string said;
  streamdiffusion_set_log_callback([](streamdiffusion_log_level, const char* message,
                                      void* text) { *static_cast<std::string*>(text) += message; },
                                   &said);
  CSession session;
  session.change(R"-({"prompt": "()"})-");
  session.change(R"({"negative_prompt": ""})");
  EXPECT_EQ(said, "");
  session.change(R"({"prompt": ""})");
  EXPECT_THAT(said, HasSubstr("the prompt is empty"));
  said.clear();
  session.change(R"({"delta": 1})");
  EXPECT_EQ(said, "");
  streamdiffusion_set_log_callback(nullptr, nullptr);
}

TEST(CSession, GeneratesFromTextAlone) {
  CSession session(
      R"({"mode": "txt2img", "width": 32, "height": 24, "steps": 1, "prompt": "red apple"})");
  session.process(nullptr);
  session.flush();
  EXPECT_EQ(session.take().at(0).size(), 32U * 24 * 3);
  streamdiffusion_error* error = nullptr;
  const auto status = streamdiffusion_session_process(session, TestFrame(0).pointer(), &error);
  EXPECT_THAT(text_of(status, error), HasSubstr("txt2img"));
}

TEST(CSession, SaysWhatIsWrongWithAFrame) {
  CSession session;
  const auto refused = [&](auto change) {
    TestFrame frame(0);
    change(frame.frame);
    streamdiffusion_error* error = nullptr;
    const auto status = streamdiffusion_session_process(session, &frame.frame, &error);
    return text_of(status, error);
  };
  EXPECT_THAT(refused([](auto& f) { f.struct_size = 0; }), HasSubstr("struct_size is 0"));
  EXPECT_THAT(refused([](auto& f) { f.planes[0] = nullptr; }), HasSubstr("no plane 0"));
  EXPECT_THAT(refused([](auto& f) { f.strides[0] = 3; }), HasSubstr("expected 96 to"));
  for (const std::ptrdiff_t impossible : {PTRDIFF_MIN, PTRDIFF_MIN + 1, PTRDIFF_MAX}) {
    EXPECT_THAT(refused([&](auto& f) { f.strides[0] = impossible; }), HasSubstr("expected 96 to"));
  }
  EXPECT_THAT(refused([](auto& f) { f.height = -1; }), HasSubstr("32x-1"));
  for (const std::int64_t time : {INT64_MIN, std::int64_t{-1}, INT64_MAX})
    EXPECT_THAT(refused([&](auto& f) { f.captured_ns = time; }), HasSubstr("captured_ns is"));
  EXPECT_THAT(refused([](auto& f) { f.format = 99; }), HasSubstr("format is 99"));
  EXPECT_THAT(refused([](auto& f) { f.memory = STREAMDIFFUSION_MEMORY_CUDA; }),
              AllOf(StartsWith("4 "), HasSubstr("memory of a card")));  // unsupported
  EXPECT_THAT(refused([](auto& f) { f.memory = 2; }), HasSubstr("memory is 2, expected 0..1"));
  streamdiffusion_error* error = nullptr;
  const auto status = streamdiffusion_session_process(session, nullptr, &error);
  EXPECT_THAT(text_of(status, error), HasSubstr("frame is NULL"));
}

TEST(CSession, NeedsNoErrorObject) {
  EXPECT_EQ(streamdiffusion_session_open(nullptr, nullptr, nullptr, nullptr),
            STREAMDIFFUSION_INVALID_ARGUMENT);
  CSession session;
  EXPECT_EQ(streamdiffusion_session_change(session, "{", nullptr),
            STREAMDIFFUSION_INVALID_ARGUMENT);
}

TEST(COutput, IsCopiedIntoACardsMemoryOnlyByAnEngineOnACardThatLives) {
  auto session = std::make_unique<CSession>(R"({"width": 32, "height": 24, "t_index_list": [30]})");
  session->process(TestFrame(0).pointer());
  streamdiffusion_output* output = nullptr;
  ASSERT_EQ(streamdiffusion_session_next(*session, &output, nullptr), STREAMDIFFUSION_OK);
  TestFrame target(1);
  target.frame.memory = STREAMDIFFUSION_MEMORY_CUDA;
  const auto refused = [&] {
    streamdiffusion_error* error = nullptr;
    const auto status = streamdiffusion_output_copy(output, &target.frame, &error);
    return text_of(status, error);
  };
  EXPECT_THAT(refused(), AllOf(StartsWith("4 "), HasSubstr("device is " SD_TEST_DEVICE)));
  session.reset();
  EXPECT_THAT(refused(), AllOf(StartsWith("1 "), HasSubstr("session was freed")));
  streamdiffusion_output_release(output);
}

TEST(COutput, IsCopiedIntoAnyLayoutAndKeptAsLongAsItIsHeld) {
  CSession session(R"({"width": 32, "height": 24, "t_index_list": [30], "prompt": "red apple"})");
  session.process(TestFrame(0).pointer());
  streamdiffusion_output* output = nullptr;
  ASSERT_EQ(streamdiffusion_session_next(session, &output, nullptr), STREAMDIFFUSION_OK);
  ASSERT_EQ(streamdiffusion_output_retain(output), output);
  streamdiffusion_output_release(output);
  const std::vector<std::uint8_t> rgb = pixels_of(output);
  std::vector<std::uint8_t> bgra(32 * 24 * 4);
  streamdiffusion_frame target;
  streamdiffusion_frame_init(&target, sizeof target);
  target.width = 32;
  target.height = 24;
  target.format = STREAMDIFFUSION_FORMAT_BGRA;
  target.planes[0] = bgra.data();
  target.strides[0] = 128;
  streamdiffusion_error* error = nullptr;
  expect_ok(streamdiffusion_output_copy(output, &target, &error), error);
  for (std::size_t i = 0; i < rgb.size(); ++i) ASSERT_EQ(bgra[i / 3 * 4 + 2 - i % 3], rgb[i]) << i;
  streamdiffusion_output_release(output);
  EXPECT_EQ(streamdiffusion_session_next(session, &output, nullptr), STREAMDIFFUSION_NO_OUTPUT);
  EXPECT_EQ(output, nullptr);
}

/// A newer library knows a longer struct than the program that calls it.
template <typename Struct, typename Init>
void expect_nothing_behind(Init init) {
  for (const std::size_t size : {sizeof(Struct) - 8, sizeof(std::size_t), std::size_t{0}}) {
    alignas(Struct) unsigned char aligned[sizeof(Struct) + 16];
    std::memset(aligned, 0xaa, sizeof aligned);
    init(reinterpret_cast<Struct*>(aligned), size);
    for (std::size_t i = size; i < sizeof aligned; ++i) ASSERT_EQ(aligned[i], 0xaa) << size;
  }
  Struct longer[2];
  std::memset(longer, 0xaa, sizeof longer);
  init(longer, sizeof(Struct) + 8);
  EXPECT_EQ(longer[0].struct_size, sizeof(Struct) + 8);
  EXPECT_EQ(longer[1].struct_size, 0U) << "a member that this library does not know is 0";
}

TEST(CStructs, AreBegunWithinTheSizeThatTheProgramGives) {
  expect_nothing_behind<streamdiffusion_frame>(streamdiffusion_frame_init);
  expect_nothing_behind<streamdiffusion_live_options>(streamdiffusion_live_options_init);
}

TEST(CError, NamesTheParameterWhoeverRefusesIt) {
  for (const auto& [parameters, name] : {std::pair(R"({"width": 100})", "width"),
                                         {R"({"height": 100})", "height"},
                                         {R"({"width": "a"})", "width"},
                                         {R"({"cache_first_level": 9})", "cache_first_level"}}) {
    streamdiffusion_error* error = nullptr;
    streamdiffusion_session* session = nullptr;
    streamdiffusion_session_open(tiny_engine(), parameters, &session, &error);
    EXPECT_STREQ(streamdiffusion_error_parameter(error), name)
        << streamdiffusion_error_message(error);
    streamdiffusion_error_free(error);
  }
}

TEST(CStructs, OfOtherVersionsAreTaken) {
  // An older program's struct ends early; a newer one's ends in zeros that this library ignores.
  CSession session;
  session.process(TestFrame(0).pointer());
  session.flush();
  streamdiffusion_output* output = nullptr;
  ASSERT_EQ(streamdiffusion_session_next(session, &output, nullptr), STREAMDIFFUSION_OK);
  streamdiffusion_output_info info;
  std::memset(&info, 0x55, sizeof info);
  info.struct_size = offsetof(streamdiffusion_output_info, width);
  streamdiffusion_output_get(output, &info);
  EXPECT_EQ(info.tag, 100U);
  EXPECT_EQ(info.struct_size, offsetof(streamdiffusion_output_info, width));
  EXPECT_EQ(info.width, 0x55555555);
  streamdiffusion_output_release(output);

  struct {
    streamdiffusion_frame frame;
    std::uint64_t more;
  } newer{TestFrame(1).frame, 0};
  const TestFrame pixels(1);
  newer.frame.planes[0] = const_cast<std::uint8_t*>(pixels.rgb.data());
  newer.frame.struct_size = sizeof newer;
  session.process(&newer.frame);
  newer.more = 1;
  streamdiffusion_error* error = nullptr;
  const auto status = streamdiffusion_session_process(session, &newer.frame, &error);
  EXPECT_THAT(text_of(status, error), AllOf(StartsWith("4 "), HasSubstr("a member that")));
}

TEST(CEngine, NamesWhatCannotBeOpened) {
  const auto opened = [](const char* parameters) {
    streamdiffusion_engine* engine = nullptr;
    streamdiffusion_error* error = nullptr;
    const auto status = streamdiffusion_engine_open(parameters, &engine, &error);
    EXPECT_EQ(engine, nullptr);
    return text_of(status, error);
  };
  EXPECT_THAT(opened(R"({"model": "/no/such/folder"})"),
              AllOf(StartsWith("2 "), HasSubstr("/no/such/folder")));
  EXPECT_THAT(opened(R"({"prompt": "cat"})"), HasSubstr("no parameter \"prompt\""));
  EXPECT_THAT(opened(R"({"threads": -1})"), HasSubstr("threads"));
}

TEST(CEngine, DescribesItselfAndItsParameters) {
  char* text = nullptr;
  ASSERT_EQ(streamdiffusion_engine_info(tiny_engine(), &text, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(json::Json::parse(text, "info").at("dtype").string(), "f32");
  streamdiffusion_string_free(text);
  ASSERT_EQ(streamdiffusion_engine_parameters(tiny_engine(), &text, nullptr), STREAMDIFFUSION_OK);
  const json::Json properties = json::Json::parse(text, "schema").at("properties");
  EXPECT_EQ(properties.at("width").at("type").string(), "integer");
  EXPECT_TRUE(properties.has("prompt"));
  EXPECT_FALSE(properties.has("threads"));
  streamdiffusion_string_free(text);
}

TEST(CSession, ShowsItsParameters) {
  CSession session;
  session.change(R"({"guidance_scale": 1.7})");
  char* text = nullptr;
  ASSERT_EQ(streamdiffusion_session_parameters(session, &text, nullptr), STREAMDIFFUSION_OK);
  const json::Json values = json::Json::parse(text, "values");
  EXPECT_NEAR(values.at("guidance_scale").number(), 1.7, 1e-6);
  EXPECT_EQ(values.at("steps").integer(), 2);
  EXPECT_EQ(values.at("width").integer(), 32);
  streamdiffusion_string_free(text);
}

#if defined(__SSE__)
TEST(CSession, ComputesTheSameInAProgramThatFlushesDenormals) {
  constexpr unsigned kFlushToZeroAndDenormalsAreZero = 0x8040;
  const std::vector<Image> expected = expected_images(1);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kFlushToZeroAndDenormalsAreZero);
  std::vector<std::uint8_t> pixels;
  {
    CSession session;
    session.process(TestFrame(0).pointer());
    session.flush();
    pixels = session.take().at(100);
  }
  EXPECT_EQ(_mm_getcsr() & 0xffc0U, (before | kFlushToZeroAndDenormalsAreZero) & 0xffc0U);
  _mm_setcsr(before);
  EXPECT_EQ(pixels, expected[0].rgb);
}
#endif

TEST(CErrors, AcceptNull) {
  EXPECT_EQ(streamdiffusion_error_status(nullptr), STREAMDIFFUSION_OK);
  EXPECT_STREQ(streamdiffusion_error_message(nullptr), "");
  streamdiffusion_error_free(nullptr);
  streamdiffusion_engine_free(nullptr);
  streamdiffusion_session_free(nullptr);
  streamdiffusion_live_free(nullptr);
  streamdiffusion_output_release(nullptr);
  streamdiffusion_string_free(nullptr);
  EXPECT_STREQ(streamdiffusion_version(), "0.1.0");
}

}  // namespace
}  // namespace streamdiffusion::testing

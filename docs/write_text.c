/* Writes a text with an exported generator of characters: C and TensorFlow's library,
 * no Python and nothing of lsgan_tf.
 *
 *   write_text EXPORT_FOLDER TEXT SEED OUT.pgm
 *
 * Calls the SavedModel's signature `write`, and puts its images side by side into a grey
 * image. For the raw weights beside a moving average, make it call `write_raw`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tensorflow/c/c_api.h>

#define SIGNATURE "write"

static void fail(const char *why, const char *detail) {
  fprintf(stderr, "error: %s %s\n", why, detail);
  exit(2);
}

static void check(const TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) fail("TensorFlow says:", TF_Message(status));
}

/* What follows reads as much of Protocol Buffers as a signature needs: the graph's name of
 * an argument is in MetaGraphDef.signature_def[SIGNATURE].inputs[argument].name. */

typedef struct {
  const uint8_t *at, *end;
} Bytes;

static uint64_t varint(Bytes *bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && bytes->at < bytes->end; shift += 7) {
    uint8_t byte = *bytes->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

/* Takes the next field of a message: its number, 0 at the end; its content if it has one. */
static int next_field(Bytes *message, Bytes *content) {
  if (message->at >= message->end) return 0;
  uint64_t key = varint(message), size = 0;
  switch (key & 7) {
    case 0: varint(message); break;
    case 1: size = 8; break;
    case 2: size = varint(message); break;
    case 5: size = 4; break;
    default: return 0;
  }
  uint64_t left = (uint64_t)(message->end - message->at);
  if (size > left) size = left;
  content->at = message->at;
  content->end = message->at += size;
  return (int)(key >> 3);
}

static int is(Bytes bytes, const char *text) {
  size_t size = (size_t)(bytes.end - bytes.at);
  return size == strlen(text) && memcmp(bytes.at, text, size) == 0;
}

/* The message that field `number` of a message, a map, has for a name; fails without. */
static Bytes entry(Bytes message, int number, const char *name) {
  Bytes pair, part, value = {0};
  for (int field; (field = next_field(&message, &pair)) != 0;) {
    int found = 0;
    if (field != number) continue;
    while ((field = next_field(&pair, &part)) != 0) {
      if (field == 1) found = is(part, name);
      if (field == 2) value = part;
    }
    if (found) return value;
  }
  fail("this SavedModel has no", name);
  return value;
}

/* Where the graph has an argument (number 1) or a result (number 2) of the signature. */
static TF_Output place(TF_Graph *graph, Bytes signature, int number, const char *name) {
  Bytes info = entry(signature, number, name), part;
  char text[256] = "";
  for (int field; (field = next_field(&info, &part)) != 0;) {
    if (field == 1) snprintf(text, sizeof text, "%.*s", (int)(part.end - part.at), part.at);
  }
  char *colon = strrchr(text, ':');
  if (colon) *colon = '\0';
  TF_Output found = {TF_GraphOperationByName(graph, text), colon ? atoi(colon + 1) : 0};
  if (!found.oper) fail("the graph has no operation for", name);
  return found;
}

int main(int count, char **words) {
  if (count != 5) fail("usage:", "write_text EXPORT_FOLDER TEXT SEED OUT.pgm");
  const char *folder = words[1], *text = words[2], *out = words[4];
  const char *tags[] = {"serve"};
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Buffer *meta = TF_NewBuffer();
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, folder, tags, 1, graph, meta, status);
  check(status);

  Bytes whole = {meta->data, (const uint8_t *)meta->data + meta->length};
  Bytes signature = entry(whole, 5, SIGNATURE);
  TF_Output inputs[] = {place(graph, signature, 1, "text"), place(graph, signature, 1, "seed")};
  TF_Output output = place(graph, signature, 2, "images");

  /* Both arguments are scalars: no dimensions. A string lies in the tensor as TF_TString. */
  TF_Tensor *values[] = {TF_AllocateTensor(TF_STRING, NULL, 0, sizeof(TF_TString)),
                         TF_AllocateTensor(TF_INT32, NULL, 0, sizeof(int32_t))};
  TF_TString *letters = TF_TensorData(values[0]);
  TF_StringInit(letters);
  TF_StringCopy(letters, text, strlen(text));
  *(int32_t *)TF_TensorData(values[1]) = (int32_t)strtol(words[3], NULL, 10);

  TF_Tensor *images = NULL;
  TF_SessionRun(session, NULL, inputs, values, 2, &output, &images, 1, NULL, 0, NULL, status);
  check(status); /* an unknown character ends here, by its name */

  /* uint8, (characters, height, width, 1). */
  if (TF_NumDims(images) != 4 || TF_Dim(images, 3) != 1) fail("expected", "grey images");
  size_t number = TF_Dim(images, 0), height = TF_Dim(images, 1), width = TF_Dim(images, 2);
  const uint8_t *pixels = TF_TensorData(images);
  FILE *file = fopen(out, "wb");
  if (!file) fail("cannot write", out);
  fprintf(file, "P5\n%zu %zu\n255\n", number * width, height);
  for (size_t row = 0; row < height; row++) {
    for (size_t image = 0; image < number; image++) {
      fwrite(pixels + (image * height + row) * width, 1, width, file);
    }
  }
  if (fclose(file) != 0) fail("cannot write", out);

  TF_DeleteTensor(images);
  TF_StringDealloc(letters);
  TF_DeleteTensor(values[0]);
  TF_DeleteTensor(values[1]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteBuffer(meta);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}

// The npm package `openai`: asked at once, streamed, with a session, refused. The server and its
// key are in OPENAI_BASE_URL and OPENAI_API_KEY; prints what it saw as JSON.
import OpenAI from "openai";

const QUESTION = "How often must the grease be renewed?";
const client = new OpenAI();

const ask = (messages, more = {}) =>
  client.chat.completions.create({ model: "quire", messages, ...more });
const user = (content) => ({ role: "user", content });

async function streamed() {
  let text = "";
  let last, usage;
  const chunks = await ask([user(QUESTION)], {
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of chunks) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (chunk.choices[0]?.finish_reason) last = chunk;
    if (chunk.usage) usage = chunk.usage;
  }
  return { text, usage, annotations: last.choices[0].delta.annotations, quire: last.quire };
}

async function refused(asking) {
  try {
    await asking();
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, param: error.param, code: error.code };
  }
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const answer = await ask([user(QUESTION)]);
const { message } = answer.choices[0];
const followed = await ask([user(QUESTION), message, user("And why use a harmonic drive?")]);
const continued = await ask([user("And why use a harmonic drive?")], {
  quire: { session_id: answer.quire.session_id },
});
const helped = await client.chat.completions
  .stream({ model: "quire", messages: [user(QUESTION)] })
  .finalChatCompletion();

console.log(
  JSON.stringify({
    models,
    answer,
    followed: followed.choices[0].message.content,
    continued: continued.quire.session_id,
    helped: helped.choices[0].message.content,
    streamed: await streamed(),
    refused: await refused(() => ask([user(QUESTION)], { tools: [] })),
    missing: await refused(() => ask([user(QUESTION)], { model: "gpt-6-luna" })),
  }),
);

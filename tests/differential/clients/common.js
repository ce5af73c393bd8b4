// What the clients written in JavaScript share: `CLIENT list` names the operations,
// `CLIENT NAME` plays one.
'use strict';

const image = process.env.DIFF_IMAGE;

// Prints what the daemon says of something.
const told = (value) => console.log(JSON.stringify(value, null, 1));

// Who plays an operation ends one that waits in vain.
const until = async (condition) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
};

// All that comes out of a stream.
const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const main = async (operations) => {
  const word = process.argv[2];
  if (word === 'list') {
    console.log(Object.keys(operations).join('\n'));
    return;
  }
  await operations[word]();
};

module.exports = { collect, image, main, told, until };

// Testcontainers for Node: containers for the while of a test.
'use strict';

const { collect, image, main, told } = require('./common.js');

// Takes a while to load: not for listing.
const library = () => require('testcontainers');
const container = (...command) => new (library().GenericContainer)(image).withCommand(command);

const operations = {
  async container() {
    const one = await container('sleep', '600').withName('one').withEnvironment({ A: '1' }).withLabels({ mine: 'yes' }).start();
    told(await one.exec(['sh', '-c', 'echo "$A"; sleep 0.3; echo err >&2; exit 3']));
    console.log(one.getLabels().mine);
    await one.stop({ timeout: 0 });
  },

  async waits_for_logs() {
    const wait = library().Wait.forLogMessage('ready');
    const one = await container('sh', '-c', 'sleep 0.5; echo ready; exec sleep 600').withWaitStrategy(wait).start();
    await one.restart({ timeout: 0 });
    await one.stop({ timeout: 0 });
  },

  async waits_for_health() {
    const one = await container('sleep', '600')
      .withHealthCheck({ test: ['CMD', 'true'], interval: 500 })
      .withWaitStrategy(library().Wait.forHealthCheck()).start();
    await one.stop({ timeout: 0 });
  },

  async publishes_a_port() {
    const one = await container('httpd', '-f', '-h', '/etc').withExposedPorts(80).start();
    const answer = await fetch(`http://${one.getHost()}:${one.getMappedPort(80)}/passwd`);
    console.log(await answer.text());
    await one.stop({ timeout: 0 });
  },

  async copies_files() {
    const one = await container('sleep', '600').withCopyContentToContainer([{ content: 'text', target: '/file' }]).start();
    console.log((await one.exec(['cat', '/file'])).output);
    await one.copyContentToContainer([{ content: 'more', target: '/other' }]);
    console.log((await collect(await one.copyArchiveFromContainer('/other'))).includes('more'));
    await one.stop({ timeout: 0 });
  },

  async network() {
    const network = await new (library().Network)().start();
    const server = await container('sleep', '600').withNetwork(network).withNetworkAliases('here').start();
    console.log((await server.exec(['ping', '-c', '1', '-q', 'here'])).exitCode);
    await server.stop({ timeout: 0 });
    await network.stop();
  },

  async builds_an_image() {
    require('node:fs').writeFileSync('Dockerfile', `FROM ${image}\nCMD sleep 600\n`);
    const built = await library().GenericContainer.fromDockerfile(process.cwd()).build('local/one:1', { deleteOnExit: false });
    const one = await built.start();
    console.log((await one.exec(['echo', 'said'])).output);
    await one.stop({ timeout: 0 });
  },

  async fails() {
    await container('nosuchprogram').start().then(
      () => console.log('no error'),
      (error) => console.log(error.statusCode, error.message),
    );
  },
};

main(operations).then(() => process.exit(0));

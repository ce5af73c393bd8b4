// dockerode: the library that most Node programs speak to Docker with.
'use strict';

const { PassThrough } = require('node:stream');
const { execFileSync } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const { collect, image, main, told, until } = require('./common.js');

// Not for listing: it is not there then.
let docker;

const create = (options) => docker.createContainer({ Image: image, Cmd: ['sleep', '600'], name: 'one', ...options });

const started = async (options) => {
  const container = await create(options);
  await container.start();
  return container;
};

// The two outputs of a container without a terminal, apart.
const demultiplexed = async (stream) => {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => { out.end(); err.end(); });
  stream.on('close', () => { out.end(); err.end(); });
  const [stdout, stderr] = await Promise.all([collect(out), collect(err)]);
  return { stdout: String(stdout), stderr: String(stderr) };
};

const exec = async (container, options, start) => {
  const made = await container.exec({ AttachStdout: true, AttachStderr: true, ...options });
  return [made, await made.start(start)];
};

// The error that the call must end with.
const refused = (promise) => promise.then(
  () => console.log('no error'),
  (error) => console.log(error.statusCode, error.reason, error.message),
);

const followed = (stream) => new Promise((resolve, reject) => {
  docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output)));
});

const operations = {
  async system() {
    console.log(String(await docker.ping()));
    told(await docker.version());
    told(await docker.info());
  },

  async run() {
    const out = new PassThrough();
    const [result, container] = await docker.run(image, ['sh', '-c', 'echo out; exit 3'], out, { name: 'one' });
    told(result);
    console.log(String(out.read()));
    told(await container.inspect());
    await container.remove();
  },

  async life() {
    const container = await started({ Labels: { mine: 'yes' }, HostConfig: { Memory: 64e6, NetworkMode: 'none' } });
    await container.pause();
    await container.unpause();
    await container.rename({ name: 'two' });
    await container.restart({ t: 0 });
    const waiting = container.wait();
    await container.kill();
    told(await waiting);
    await refused(container.kill());
    told((await docker.listContainers({ all: true, filters: { label: ['mine'] } })).map((c) => c.Names));
    await container.remove();
  },

  async attach_with_a_stream() {
    const container = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true, AttachStdin: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    await container.start();
    stream.end('typed\n');
    told(await demultiplexed(stream));
    told(await container.wait());
  },

  async attach_without_hijack() {
    const container = await create({ Cmd: ['sh', '-c', 'echo out; echo err >&2'] });
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    await container.start();
    told(await demultiplexed(stream));
  },

  async exec() {
    const container = await started();
    const [made, stream] = await exec(container, { Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
    told(await demultiplexed(stream));
    await until(async () => !(await made.inspect()).Running);
    console.log((await made.inspect()).ExitCode);
    const [, terminal] = await exec(container, { Cmd: ['tty'], Tty: true }, { Tty: true });
    console.log(String(await collect(terminal)));
  },

  async exec_with_input() {
    const container = await started();
    const [, stream] = await exec(container, { Cmd: ['cat'], AttachStdin: true }, { hijack: true, stdin: true });
    stream.end('typed\n');
    told(await demultiplexed(stream));
  },

  async logs() {
    const container = await started({ Cmd: ['sh', '-c', 'for n in 1 2 3; do echo $n; sleep 0.2; done; echo err >&2'] });
    told(await demultiplexed(await container.logs({ follow: true, stdout: true, stderr: true })));
    console.log((await container.logs({ stdout: true, tail: 1 })).toString('hex'));
  },

  async stats_and_top() {
    const container = await started();
    console.log((await container.stats({ stream: false })).name);
    const stream = await container.stats();
    stream.once('data', () => stream.destroy());
    await new Promise((resolve) => { stream.once('close', resolve); });
    console.log((await container.top({ ps_args: '-o pid,args' })).Titles);
    told(await container.changes());
  },

  async events() {
    const stream = await docker.getEvents({ filters: { type: ['volume'] } });
    const event = new Promise((resolve) => { stream.once('data', resolve); });
    await docker.createVolume({ Name: 'one' });
    told(JSON.parse(await event));
    stream.destroy();
  },

  async files() {
    const container = await create();
    writeFileSync('file', 'text');
    execFileSync('tar', ['--create', '--file', 'file.tar', 'file']);
    await container.putArchive('file.tar', { path: '/tmp' });
    console.log((await collect(await container.getArchive({ path: '/tmp/file' }))).includes('text'));
    console.log((await collect(await container.export())).length > 1e6);
    await refused(container.putArchive('file.tar', { path: '/nowhere' }));
  },

  async images() {
    await docker.getImage(image).tag({ repo: 'local/one', tag: '1' });
    told(await docker.getImage('local/one:1').inspect());
    told((await docker.listImages({ filters: { reference: ['local/*'] } })).map((i) => i.RepoTags));
    console.log((await docker.getImage(image).history()).length);
    const saved = await docker.getImage('local/one:1').get();
    told(await followed(await docker.loadImage(saved)));
    told(await docker.getImage('local/one:1').remove());
    await refused(docker.getImage('nobody').inspect());
    await refused(docker.pull('localhost:1/nobody:1'));
  },

  async build() {
    writeFileSync('Dockerfile', `FROM ${image}\nRUN echo made >/data\nCMD cat /data\n`);
    const context = { context: process.cwd(), src: ['Dockerfile'] };
    const output = await followed(await docker.buildImage(context, { t: 'local/one', labels: { mine: 'yes' } }));
    console.log(output.map((line) => line.stream ?? '').join(''));
    console.log((await docker.getImage('local/one').inspect()).Config.Labels.mine);
  },

  async commit() {
    const container = await started({ Cmd: ['touch', '/made'] });
    await container.wait();
    told(await container.commit({ repo: 'local/one', comment: 'why', changes: 'ENV A=1' }));
  },

  async networks_and_volumes() {
    const network = await docker.createNetwork({ Name: 'one', Labels: { mine: 'yes' } });
    const container = await started();
    await network.connect({ Container: container.id });
    told(await network.inspect());
    await network.disconnect({ Container: container.id, Force: true });
    await network.remove();
    const volume = await docker.createVolume({ Name: 'one', Labels: { mine: 'yes' } });
    told(await volume.inspect());
    await volume.remove();
    await refused(volume.inspect());
    told(await docker.pruneVolumes({ filters: { label: ['mine'] } }));
  },

  async errors() {
    await refused(docker.getContainer('nobody').inspect());
    await refused(docker.getContainer('nobody').start());
    await refused(docker.getContainer('nobody').attach({ stream: true, stdout: true, hijack: true, stdin: true }));
    await refused(docker.createContainer({ Image: 'nobody' }));
    await create();
    await refused(create());
    await refused(create({ name: 'two', HostConfig: { Memory: 1 } }));
    await refused(started({ name: 'three', Cmd: ['nosuchprogram'] }));
  },

  async swarm() {
    await docker.swarmInit({ AdvertiseAddr: '127.0.0.1', ListenAddr: '127.0.0.1' });
    const secret = await docker.createSecret({ Name: 'one', Data: Buffer.from('secret').toString('base64') });
    const service = await docker.createService({
      Name: 'two', Labels: { mine: 'yes' }, TaskTemplate: { ContainerSpec: { Image: image, Args: ['sleep', '600'] } },
    });
    await until(async () => (await docker.listTasks()).some((task) => task.Status.State === 'running'));
    console.log((await docker.getService(service.id).inspect()).Spec.Name);
    await docker.getService(service.id).remove();
    await docker.getSecret(secret.id).remove();
  },
};

if (process.argv[2] !== 'list') docker = new (require('dockerode'))();
main(operations).then(() => process.exit(0));

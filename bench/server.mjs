// One contender in a process of its own. Answers each 'mark' with the CPU time that it has used and how often its
// handler has run.
let runs = 0
const { file, options } = JSON.parse(process.argv[2])
const { default: start } = await import(file)
const server = await start({ ...options, run: () => { runs++ } })

process.on('message', () => {
  const { user, system } = process.cpuUsage() // µs
  process.send({ cpu: user + system, runs, memory: process.memoryUsage().rss })
})
process.on('disconnect', () => process.exit(0)) // in order, so that --cpu-prof writes its file
process.send({ port: server.address().port })

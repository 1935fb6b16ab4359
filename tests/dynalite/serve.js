// dynalite on a free port of this machine, in memory. Prints the port; SIGTERM ends it.
const server = require('dynalite')({createTableMs: 0, deleteTableMs: 0});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

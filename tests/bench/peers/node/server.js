// A typical check-in service, the yardstick of keepalive_rate: fastify, JSON schema, pg's pool, one question to PostGIS (whose phone,
// which fence covers it) and one INSERT a request, both prepared; a process per core, no TLS, no log. The row goes into the same
// table as ours, with the same indexes and durability, by the same PostgreSQL; it has no receipt and no second copy.
//
//   node server.js PORT FOLDER_OF_POSTGRESQL'S_SOCKET
import cluster from 'node:cluster'
import { createHash, randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import Fastify from 'fastify'
import pg from 'pg'

const [port, socket] = process.argv.slice(2)

const schema = {
  headers: { type: 'object', required: ['authorization'], properties: { authorization: { type: 'string', pattern: '^Bearer .+' } } },
  body: {
    type: 'object',
    required: ['id', 'taken_at', 'lat', 'lon'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      taken_at: { type: 'string', format: 'date-time' },
      sent_at: { type: 'string', format: 'date-time' },
      lat: { type: 'number', minimum: -90, maximum: 90 },
      lon: { type: 'number', minimum: -180, maximum: 180 },
      accuracy_m: { type: 'number', minimum: 0 }
    }
  },
  response: {
    200: {
      type: 'object',
      properties: {
        id: { type: 'string' }, checkin: { type: 'string' }, status: { type: 'string' }, received_at: { type: 'string' },
        verdict: { type: 'string' }, fence: { type: 'string', nullable: true }
      }
    }
  }
}

const place = {
  name: 'place',
  text: `select d.id as device, d.government, d.person, f.id as fence, f.name
         from hadir.device d
         left join lateral (select f.id, f.name from bench.fence f
                            where ST_Covers(f.shape, ST_SetSRID(ST_MakePoint($2, $3), 4326)) limit 1) f on true
         where d.token_hash = $1 and d.revoked_at is null`
}

const insert = {
  name: 'insert',
  text: `insert into hadir.checkin (id, government, person, device, channel, fix_at, sent_at, received_at, decided_at, decided_by,
           first_fence, first_inside, first_verdict, first_relation, spool, seq)
         values ($1, $2, $3, $4, 'native', $5, $6, $7, $7, 'fix', $8, $8, $9, $10, '00000000-0000-0000-0000-00000000000b', nextval('bench.seq'))`
}

function serve () {
  const pool = new pg.Pool({ host: socket, database: 'hadir', user: 'postgres', max: 10 })
  const app = Fastify()
  app.post('/v1/checkins', { schema }, async (request, reply) => {
    const { id, taken_at: taken, sent_at: sent, lat, lon } = request.body
    const hash = createHash('sha256').update(request.headers.authorization.slice(7)).digest()
    const found = (await pool.query({ ...place, values: [hash, lon, lat] })).rows[0]
    if (found === undefined) return reply.code(401).send()
    const now = new Date()
    const verdict = now.getHours() < 12 && now.getHours() * 60 + now.getMinutes() > 450 ? 'late' : 'on_time'
    const relation = found.fence === null ? 'outside' : 'inside'
    const checkin = randomUUID()
    await pool.query({
      ...insert,
      values: [checkin, found.government, found.person, found.device, taken, sent, now, found.fence, verdict, relation]
    })
    return { id, checkin, status: 'accepted', received_at: now.toISOString(), verdict, fence: found.name }
  })
  app.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
}

if (cluster.isPrimary) {
  for (let n = 0; n < availableParallelism(); n++) cluster.fork()
  process.on('SIGTERM', () => process.exit(0))
} else {
  process.on('disconnect', () => process.exit(0))
  serve()
}

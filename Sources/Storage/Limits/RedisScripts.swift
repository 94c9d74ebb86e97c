// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What runs inside Redis, each atomically. The rules are `LimitLedger`'s; the clock is Redis' own, so that instances agree.
///
/// Each scope has four keys: `w`, a hash of requests and tokens by slot of 100 ms (`r123`, `t123`) and in all (`R`, `T`); `s`, the
/// list of its slots, oldest first; `l`, a sorted set of leases by when they expire; `b`, a hash of the budgets: the day `d` and the
/// month `m` (by its first day) with what was spent (`dt`, `dc`, `mt`, `mc`) and is reserved (`Dt`, `Dc`, `Mt`, `Mc`), and `l:ID`,
/// what a lease reserved. Lua's numbers are exact to 2^53; sums are Redis' own, of 64 bits.
enum RedisScripts {
    private static let common = """
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local slot = math.floor(now / 100)
        -- 40 days, longer than any month.
        local keep = 3456000000
        local function whole(number) return string.format('%.0f', number) end
        local function firstOfMonth(day)
          local z = day + 719468
          local era = math.floor(z / 146097)
          local doe = z - era * 146097
          local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
          local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
          local mp = math.floor((5 * doy + 2) / 153)
          return day - (doy - math.floor((153 * mp + 2) / 5))
        end
        local day = math.floor(time[1] / 86400)
        local month = firstOfMonth(day)
        local function get(key, field) return tonumber(redis.call('HGET', key, field) or 0) end
        local function add(key, field, amount)
          -- Far beyond what anybody can spend a sum stays where it is.
          if amount > 0 and get(key, field) > 4e18 then return end
          if amount ~= 0 then redis.call('HINCRBY', key, field, whole(amount)) end
        end
        local function release(b, id)
          local held = redis.call('HGET', b, 'l:' .. id)
          if not held then return end
          redis.call('HDEL', b, 'l:' .. id)
          local tokens, cost, d, m = string.match(held, '^(%d+) (%d+) (%-?%d+) (%-?%d+)$')
          if redis.call('HGET', b, 'd') == d then
            add(b, 'Dt', -tonumber(tokens))
            add(b, 'Dc', -tonumber(cost))
          end
          if redis.call('HGET', b, 'm') == m then
            add(b, 'Mt', -tonumber(tokens))
            add(b, 'Mc', -tonumber(cost))
          end
        end

        """

    /// Keys: w, s, l, b of each scope. Arguments: lease, tokens, cost, milliseconds of a lease, then for each scope its seven limits
    /// in the order of `LimitRules`, empty for none.
    ///
    /// Answers `granted`, microseconds, slot, six numbers of state; or `refused`, the place of the kind in `LimitKind.allCases`, the
    /// place of the scope, milliseconds (-1 for never), six of state; or `unseeded`, microseconds, the places of the scopes.
    static let claim =
        common + """
            local id, tokens, cost, lifetime = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
            local scopes = #KEYS / 4
            local all, unseeded = {}, {}
            for i = 1, scopes do
              local scope = {w = KEYS[4 * i - 3], s = KEYS[4 * i - 2], l = KEYS[4 * i - 1], b = KEYS[4 * i]}
              local function limit(n) return tonumber(ARGV[4 + 7 * (i - 1) + n]) end
              scope.requests, scope.tokens, scope.concurrent = limit(1), limit(2), limit(3)
              scope.dayTokens, scope.monthTokens, scope.dayCost, scope.monthCost = limit(4), limit(5), limit(6), limit(7)
              scope.hasRate = scope.requests or scope.tokens
              scope.hasBudget = scope.dayTokens or scope.monthTokens or scope.dayCost or scope.monthCost
              all[i] = scope
              if scope.hasBudget then
                local known = redis.call('HMGET', scope.b, 'd', 'm')
                if known[1] ~= whole(day) or known[2] ~= whole(month) then unseeded[#unseeded + 1] = i end
              end
            end
            local micros = time[1] * 1000000 + time[2]
            if #unseeded > 0 then
              local answer = {'unseeded', micros}
              for _, i in ipairs(unseeded) do answer[#answer + 1] = i - 1 end
              return answer
            end
            local kind, where, worst
            local function consider(k, i, wait)
              if kind and (worst == -1 or (wait ~= -1 and wait <= worst)) then return end
              kind, where, worst = k, i, wait
            end
            local function expiry(s) return (s + 601) * 100 - now end
            for i, scope in ipairs(all) do
              -- Slots that lie ahead were counted before the clock was set back: they count as of now.
              local newest = tonumber(redis.call('LINDEX', scope.s, -1) or slot)
              while newest > slot do
                redis.call('RPOP', scope.s)
                local f = whole(newest)
                local r, t = get(scope.w, 'r' .. f), get(scope.w, 't' .. f)
                redis.call('HDEL', scope.w, 'r' .. f, 't' .. f)
                add(scope.w, 'r' .. whole(slot), r)
                add(scope.w, 't' .. whole(slot), t)
                newest = tonumber(redis.call('LINDEX', scope.s, -1) or -1)
                if newest < slot then
                  redis.call('RPUSH', scope.s, whole(slot))
                  newest = slot
                end
              end
              while true do
                local oldest = redis.call('LINDEX', scope.s, 0)
                if not oldest or tonumber(oldest) + 601 > slot then break end
                redis.call('LPOP', scope.s)
                add(scope.w, 'R', -get(scope.w, 'r' .. oldest))
                add(scope.w, 'T', -get(scope.w, 't' .. oldest))
                redis.call('HDEL', scope.w, 'r' .. oldest, 't' .. oldest)
              end
              -- Leases of instances that died.
              local gone = redis.call('ZRANGEBYSCORE', scope.l, '-inf', now, 'LIMIT', 0, 1000)
              for _, lease in ipairs(gone) do
                release(scope.b, lease)
                redis.call('ZREM', scope.l, lease)
              end
              if scope.concurrent and redis.call('ZCARD', scope.l) >= scope.concurrent then
                consider(2, i, scope.concurrent > 0 and 1000 or -1)
              end
              local function wait(field, total, fits)
                for _, s in ipairs(redis.call('LRANGE', scope.s, 0, -1)) do
                  total = total - get(scope.w, field .. s)
                  if fits(total) then return expiry(tonumber(s)) end
                end
                return -1
              end
              if scope.requests and get(scope.w, 'R') >= scope.requests then
                consider(0, i, wait('r', get(scope.w, 'R'), function(n) return n < scope.requests end))
              end
              if scope.tokens and tokens > 0 and get(scope.w, 'T') + tokens > scope.tokens then
                consider(1, i, wait('t', get(scope.w, 'T'), function(n) return n + tokens <= scope.tokens end))
              end
              local function budget(k, limit, amount, spent, reserved, ends)
                if not limit or amount == 0 then return end
                local used = get(scope.b, spent)
                if used + get(scope.b, reserved) + amount <= limit then return end
                if amount > limit then return consider(k, i, -1) end
                if used + amount <= limit then return consider(k, i, 1000) end
                consider(k, i, ends * 86400000 - now + 1)
              end
              local nextMonth = firstOfMonth(month + 31)
              budget(3, scope.dayTokens, tokens, 'dt', 'Dt', day + 1)
              budget(3, scope.monthTokens, tokens, 'mt', 'Mt', nextMonth)
              budget(4, scope.dayCost, cost, 'dc', 'Dc', day + 1)
              budget(4, scope.monthCost, cost, 'mc', 'Mc', nextMonth)
            end
            if not kind then
              for _, scope in ipairs(all) do
                if scope.hasRate then
                  local s = whole(slot)
                  if redis.call('LINDEX', scope.s, -1) ~= s then redis.call('RPUSH', scope.s, s) end
                  add(scope.w, 'R', 1)
                  add(scope.w, 'r' .. s, 1)
                  add(scope.w, 'T', tokens)
                  add(scope.w, 't' .. s, tokens)
                  redis.call('PEXPIRE', scope.w, 62000)
                  redis.call('PEXPIRE', scope.s, 62000)
                end
                redis.call('ZADD', scope.l, now + lifetime, id)
                -- Longer than any lease: who finds one that is over gives back what it had reserved.
                redis.call('PEXPIRE', scope.l, keep)
                if scope.hasBudget then
                  redis.call('HSET', scope.b, 'l:' .. id, table.concat({whole(tokens), whole(cost), whole(day), whole(month)}, ' '))
                  add(scope.b, 'Dt', tokens)
                  add(scope.b, 'Dc', cost)
                  add(scope.b, 'Mt', tokens)
                  add(scope.b, 'Mc', cost)
                end
              end
            end
            local state = {-1, -1, -1, -1, -1, -1}
            local function note(first, limit, used, reset)
              local remaining = math.max(0, limit - used)
              if state[first] == -1 or remaining < state[first + 1] then
                state[first], state[first + 1], state[first + 2] = limit, remaining, reset
              end
            end
            for _, scope in ipairs(all) do
              local newest = redis.call('LINDEX', scope.s, -1)
              local reset = newest and expiry(tonumber(newest)) or 0
              if scope.requests then note(1, scope.requests, get(scope.w, 'R'), reset) end
              if scope.tokens then note(4, scope.tokens, get(scope.w, 'T'), reset) end
            end
            if kind then return {'refused', kind, where - 1, worst, unpack(state)} end
            return {'granted', micros, slot, unpack(state)}
            """

    /// Keys: the lease's mark, then w, s, l, b of each scope. Arguments: lease, tokens used, cost used, tokens reserved, slot (empty for
    /// none), day, month, milliseconds of the mark, then for each scope whether it has rates.
    ///
    /// The mark makes a settlement that is sent again, because its answer was lost, count once.
    static let settle =
        common + """
            local id, tokens, cost, reserved = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
            -- Without a lease and a known period there is nothing to do, and no mark to keep.
            local matters = ARGV[5] ~= ''
            for i = 1, (#KEYS - 1) / 4 do
              if matters then break end
              local known = redis.call('HMGET', KEYS[4 * i + 1], 'd', 'm', 'l:' .. id)
              matters = known[1] == ARGV[6] or known[2] == ARGV[7] or known[3] or redis.call('ZSCORE', KEYS[4 * i], id)
            end
            if not matters then return 0 end
            if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[8]) then return 0 end
            for i = 1, (#KEYS - 1) / 4 do
              local w, l, b = KEYS[4 * i - 2], KEYS[4 * i], KEYS[4 * i + 1]
              redis.call('ZREM', l, id)
              if ARGV[8 + i] == '1' and ARGV[5] ~= '' and redis.call('HEXISTS', w, 't' .. ARGV[5]) == 1 then
                add(w, 't' .. ARGV[5], tokens - reserved)
                add(w, 'T', tokens - reserved)
              end
              release(b, id)
              -- A period that is not known, or over, is the durable table's alone. The scope may have got its budget only later.
              if redis.call('HGET', b, 'd') == ARGV[6] then
                add(b, 'dt', tokens)
                add(b, 'dc', cost)
              end
              if redis.call('HGET', b, 'm') == ARGV[7] then
                add(b, 'mt', tokens)
                add(b, 'mc', cost)
              end
            end
            return 1
            """

    /// Key: b of a scope. Arguments: the day, the month, and what was spent in each: tokens, cost, tokens, cost.
    static let seed =
        common + """
            local b = KEYS[1]
            if ARGV[1] ~= whole(day) or ARGV[2] ~= whole(month) then return 0 end
            if redis.call('HGET', b, 'd') ~= ARGV[1] then
              redis.call('HSET', b, 'd', ARGV[1], 'dt', ARGV[3], 'dc', ARGV[4], 'Dt', '0', 'Dc', '0')
            end
            if redis.call('HGET', b, 'm') ~= ARGV[2] then
              redis.call('HSET', b, 'm', ARGV[2], 'mt', ARGV[5], 'mc', ARGV[6], 'Mt', '0', 'Mc', '0')
            end
            redis.call('PEXPIRE', b, keep)
            return 1
            """

    /// Key: l of a scope. Arguments: milliseconds of a lease, then leases of requests that are still under way.
    static let renew =
        common + """
            local lifetime = tonumber(ARGV[1])
            for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + lifetime, ARGV[i]) end
            redis.call('PEXPIRE', KEYS[1], keep)
            return 1
            """
}

/// The scripts, by what they do.
enum RedisScript: CaseIterable {
    case claim, settle, seed, renew

    /// The Lua expression by which the scripts ask for the time: a list of seconds and microseconds.
    static let clock = "redis.call('TIME')"

    /// The text, which Redis knows by its digest.
    func text(clock: String) -> String { "local time = \(clock)\n" + body }

    private var body: String {
        switch self {
        case .claim: RedisScripts.claim
        case .settle: RedisScripts.settle
        case .seed: RedisScripts.seed
        case .renew: RedisScripts.renew
        }
    }
}

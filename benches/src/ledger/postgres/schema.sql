-- A ledger as one writes it in SQL: accounts with running sums, one row a transfer, two entries with
-- the balance after it. Locks are taken in order of id, so that payments cannot deadlock.
CREATE TABLE account (
    id bigint PRIMARY KEY,
    debits bigint NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0,
    has_floor boolean NOT NULL DEFAULT true
) WITH (fillfactor = 50);

CREATE TABLE transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request uuid NOT NULL UNIQUE,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE entry (
    transfer bigint NOT NULL,
    account bigint NOT NULL,
    is_debit boolean NOT NULL,
    amount bigint NOT NULL,
    balance bigint NOT NULL,
    PRIMARY KEY (account, transfer)
);

CREATE FUNCTION pay(request_id uuid, giver bigint, taker bigint, units bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
    giver_balance bigint;
    taker_balance bigint;
BEGIN
    PERFORM 1 FROM account WHERE id IN (giver, taker) ORDER BY id FOR NO KEY UPDATE;
    UPDATE account SET debits = debits + units
        WHERE id = giver AND (NOT has_floor OR credits - debits >= units)
        RETURNING credits - debits INTO giver_balance;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'insufficient funds';
    END IF;
    UPDATE account SET credits = credits + units WHERE id = taker
        RETURNING credits - debits INTO taker_balance;
    INSERT INTO transfer (request, debit_account, credit_account, amount)
        VALUES (request_id, giver, taker, units) RETURNING id INTO made;
    INSERT INTO entry (transfer, account, is_debit, amount, balance)
        VALUES (made, giver, true, units, giver_balance), (made, taker, false, units, taker_balance);
    RETURN made;
END $$;

-- Many transfers in one statement each for accounts and rows, without entries: an upper bound of what
-- sets can do, not a ledger that tells which transfer was refused.
CREATE FUNCTION pay_many(how_many integer, accounts bigint, is_hot boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS wanted (giver bigint, taker bigint, units bigint)
        ON COMMIT DELETE ROWS;
    INSERT INTO wanted
        SELECT giver, CASE WHEN is_hot THEN 1 ELSE 1 + (giver + steps) % accounts END, 5
        FROM (
            SELECT
                CASE WHEN is_hot THEN 2 + floor(random() * (accounts - 1))::bigint
                     ELSE 1 + floor(random() * accounts)::bigint END AS giver,
                floor(random() * (accounts - 1))::bigint AS steps
            FROM generate_series(1, how_many)
        ) AS drawn;
    UPDATE account
        SET debits = account.debits + net.debits, credits = account.credits + net.credits
        FROM (
            SELECT id, sum(debits) AS debits, sum(credits) AS credits
            FROM (
                SELECT giver AS id, units AS debits, 0 AS credits FROM wanted
                UNION ALL
                SELECT taker, 0, units FROM wanted
            ) AS sides
            GROUP BY id
        ) AS net
        WHERE account.id = net.id
            AND (NOT has_floor OR account.credits + net.credits >= account.debits + net.debits);
    INSERT INTO transfer (request, debit_account, credit_account, amount)
        SELECT gen_random_uuid(), giver, taker, units FROM wanted;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;

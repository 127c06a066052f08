using System.Data;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Postgres.Connections;
using Halo.Link.Engines.Postgres.Values;
using Halo.Link.Rows;
using Npgsql;
using ParameterDirection = Halo.Contracts.Queries.ParameterDirection;

namespace Halo.Link.Engines.Postgres;

/// <summary>What a command would bring, as PostgreSQL says once it has parsed it (Parse and Describe). Nothing is bound or executed.</summary>
static class PostgresDescription
{
    /// <summary>What PREPARE found out of the parameters; the session's reset forgets the statement.</summary>
    const string Parameters = """
        SELECT t.type::pg_catalog.oid::pg_catalog.int8, pg_catalog.format_type(t.type::pg_catalog.oid, NULL)
        FROM pg_catalog.pg_prepared_statements AS s, pg_catalog.unnest(s.parameter_types) WITH ORDINALITY AS t(type, place)
        WHERE s.name OPERATOR(pg_catalog.=) 'halo_description' ORDER BY t.place
        """;

    /// <summary>Of the one procedure of that name; none where there are several.</summary>
    const string Arguments = """
        SELECT COALESCE(p.proargnames[a.place], ''), COALESCE(p.proargmodes[a.place]::pg_catalog.text, 'i'), a.type::pg_catalog.int8, pg_catalog.format_type(a.type, NULL), p.prokind::pg_catalog.text
        FROM pg_catalog.pg_proc AS p LEFT JOIN LATERAL pg_catalog.unnest(COALESCE(p.proallargtypes, p.proargtypes::pg_catalog.oid[])) WITH ORDINALITY AS a(type, place) ON true
        WHERE p.oid OPERATOR(pg_catalog.=) pg_catalog.to_regproc($1)::pg_catalog.oid ORDER BY a.place
        """;

    public static Task<DescribedCommand> OfAsync(
        NpgsqlConnection connection, CommandRequest request, PostgresTypes types, ICollection<FieldError> faults, CancellationToken stop) =>
        request.Command.Type == Contracts.Queries.CommandType.StoredProcedure
            ? OfProcedureAsync(connection, request.Command, faults, stop)
            : OfTextAsync(connection, request, types, faults, stop);

    static async Task<DescribedCommand> OfTextAsync(
        NpgsqlConnection connection, CommandRequest request, PostgresTypes types, ICollection<FieldError> faults, CancellationToken stop)
    {
        var command = request.Command;
        var given = command.Parameters ?? [];
        var script = PostgresScript.ReadAll(command.Text, [.. given.Select(p => p.Name.TrimStart('@'))], connection.PostgresParameters.GetValueOrDefault("standard_conforming_strings") == "off");
        if (script.Statements > 1)
            faults.Add(new("command.text", "holds several statements, of which PostgreSQL describes one at a time."));
        if (script.HasNumbered)
            faults.Add(new("command.text", "names a parameter by number ($1): write @name."));
        var bound = script.Used.Select(place => place < given.Count ? PostgresParameters.Bind(given[place], "", faults) : Unknown()).ToList();
        if (faults.Count > 0)
            return DescribedCommand.Nothing;
        await using var probe = new PostgresCommand(connection) { CommandText = request.Mark is { } mark ? $"/* {mark} */ {script.Positional}" : script.Positional };
        foreach (var parameter in bound)
            probe.Parameters.Add(parameter!);
        probe.SendAsOneMessage();
        IReadOnlyList<ResultColumn> columns;
        await using (var reader = (NpgsqlDataReader)await probe.ExecuteReaderAsync(CommandBehavior.SchemaOnly, stop))
        {
            await types.LearnAsync(connection, reader, stop);
            columns = ColumnsOf(reader, types);
        }
        var found = bound.Count > 0 ? await ParametersAsync(connection, script.Positional, bound!, stop) : [];
        return new(columns, [.. script.Used.Select((place, i) => new OutputParameter(
            "@" + script.NameOf(place), ParameterDirection.Input,
            (place < given.Count ? given[place].Type : null) ?? (found.Count > i ? PostgresColumns.TypeOf(found[i].Type) : null), null, null)
        {
            DatabaseType = found.Count > i ? found[i].Name : null,
        })]);
    }

    static ResultColumn[] ColumnsOf(NpgsqlDataReader reader, PostgresTypes types)
    {
        var names = ColumnNames.MakeUnique([.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)]);
        return [.. names.Select((name, i) => PostgresColumns.Describe(reader, i, name, types))];
    }

    /// <summary>Empty where the server does not say: of what is no query (CREATE) it keeps no parameters.</summary>
    static async Task<List<(uint Type, string Name)>> ParametersAsync(NpgsqlConnection connection, string text, IReadOnlyList<NpgsqlParameter> bound, CancellationToken stop)
    {
        var found = new List<(uint, string)>();
        var declared = string.Join(", ", bound.Select(p => p.NpgsqlDbType == NpgsqlTypes.NpgsqlDbType.Unknown ? "unknown" : p.DataTypeName));
        // As one message of the extended protocol it is one statement, whatever the text says; and PREPARE runs nothing.
        await using var prepare = new PostgresCommand(connection) { CommandText = $"PREPARE halo_description({declared}) AS\n{text}" };
        prepare.SendAsOneMessage();
        // A transaction that may only read is looked at afterwards, and after a failure it could not be.
        var isIn = PostgresTransaction.IsOpen(connection);
        if (isIn)
            await DoAsync(connection, "SAVEPOINT halo_description", stop);
        try
        {
            await prepare.ExecuteNonQueryAsync(stop);
        }
        catch (PostgresException)
        {
            if (isIn)
                await DoAsync(connection, "ROLLBACK TO SAVEPOINT halo_description", stop);
            return found;
        }
        await using var look = new NpgsqlCommand(Parameters, connection);
        await using var reader = await look.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            found.Add(((uint)reader.GetInt64(0), reader.GetString(1)));
        return found;
    }

    static async Task DoAsync(NpgsqlConnection connection, string text, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(text, connection);
        await command.ExecuteNonQueryAsync(stop);
    }

    static async Task<DescribedCommand> OfProcedureAsync(NpgsqlConnection connection, QueryCommand command, ICollection<FieldError> faults, CancellationToken stop)
    {
        var parameters = new List<OutputParameter>();
        var columns = new List<ResultColumn>();
        await using var look = new NpgsqlCommand(Arguments, connection) { Parameters = { new() { Value = command.Text } } };
        await using var reader = await look.ExecuteReaderAsync(stop);
        var isThere = false;
        while (await reader.ReadAsync(stop))
        {
            isThere |= reader.GetString(4) == "p";
            if (reader.IsDBNull(2))
                continue;
            var (name, mode, type, databaseType) = (reader.GetString(0), reader.GetString(1), PostgresColumns.TypeOf((uint)reader.GetInt64(2)), reader.GetString(3));
            var direction = mode switch { "o" => ParameterDirection.Output, "b" => ParameterDirection.InputOutput, _ => ParameterDirection.Input };
            parameters.Add(new("@" + name, direction, type, null, null) { DatabaseType = databaseType });
            // CALL gives its outputs as a row.
            if (direction != ParameterDirection.Input)
                columns.Add(new(name, type, databaseType));
        }
        if (!isThere)
            faults.Add(new("command.text", "names no procedure of this database, or several."));
        return new([.. columns.Zip(ColumnNames.MakeUnique([.. columns.Select(c => c.Name)]), (c, unique) => c with { Name = unique })], parameters);
    }

    static NpgsqlParameter Unknown() => new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Unknown, Value = DBNull.Value };
}

using System.Globalization;
using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Halo.Link.Engines.Postgres.Connections;
using Halo.Link.Engines.Postgres.Values;
using Halo.Link.Rows;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>Makes commands: SQL as it stands, procedures as CALL with named arguments.</summary>
static class PostgresCommands
{
    /// <summary>Where the request may only read, or seems to be one statement, it goes as one message; several statements are cut by the driver.</summary>
    /// <remarks>
    /// Whose it is stands before the text, where pg_stat_activity and the server's log show it: in the text it costs no message of its own and no reset takes
    /// it back; before it, it is not cut off (track_activity_query_size) and cannot end up within a comment or literal of the caller's.
    /// </remarks>
    public static PostgresCommand Create(NpgsqlConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var bound = Bind(request, faults);
        var made = request.Command.Type == CommandType.StoredProcedure ? Call(connection, request.Command, bound) : Text(connection, request, bound, faults);
        if (request.Mark is { } mark)
            made.CommandText = $"/* {mark} */ {made.CommandText}";
        if (made.Parameters.Count > PostgresCommand.MaxParameters)
            faults.Add(new("parameters", string.Create(CultureInfo.InvariantCulture,
                $"PostgreSQL takes at most {PostgresCommand.MaxParameters} parameters; the command has {made.Parameters.Count}. Send an array or JSON as one parameter.")));
        return made;
    }

    static List<NpgsqlParameter?> Bind(CommandRequest request, ICollection<FieldError> faults)
    {
        var bound = new List<NpgsqlParameter?>();
        var isCall = request.Command.Type == CommandType.StoredProcedure;
        foreach (var parameter in request.Command.Parameters ?? [])
        {
            if (parameter.Direction == ParameterDirection.ReturnValue)
                faults.Add(parameter, "a procedure of PostgreSQL has no return value.");
            else if (parameter.Direction != ParameterDirection.Input && !isCall)
                faults.Add(parameter, "PostgreSQL has output parameters with stored procedures only.");
            bound.Add(parameter.Direction is ParameterDirection.Output or ParameterDirection.ReturnValue
                ? null
                : PostgresParameters.Bind(parameter, isCall ? "" : parameter.Name.TrimStart('@'), faults));
        }
        return bound;
    }

    static PostgresCommand Call(NpgsqlConnection connection, QueryCommand command, List<NpgsqlParameter?> bound)
    {
        var made = new PostgresCommand(connection);
        var arguments = new List<string>();
        for (var i = 0; i < bound.Count; i++)
        {
            if (bound[i] is { } value)
                made.Parameters.Add(value);
            arguments.Add(string.Create(CultureInfo.InvariantCulture,
                $"{ArgumentName(command.Parameters![i])} => {(bound[i] is null ? "NULL" : $"${made.Parameters.Count}")}"));
        }
        made.CommandText = $"CALL {command.Text}({string.Join(", ", arguments)})";
        made.SendAsOneMessage();
        return made;
    }

    static PostgresCommand Text(NpgsqlConnection connection, CommandRequest request, List<NpgsqlParameter?> bound, ICollection<FieldError> faults)
    {
        var command = request.Command;
        var names = command.Parameters?.Select(p => p.Name.TrimStart('@')).ToList() ?? [];
        var script = PostgresScript.Read(command.Text, names, connection.PostgresParameters.GetValueOrDefault("standard_conforming_strings") == "off");
        if (script.CopiesToClient)
            faults.Add(new("command.text", "COPY to or from the client (STDOUT, STDIN) is not supported: read by SELECT, write by INSERT."));
        if (request.ReadOnly && request.ResultSet > 1)
            faults.Add(new("resultSet", "the practice lets this integrator send one statement at a time, which has one result set: leave resultSet out."));
        if (request.ReadOnly && script.HasNumbered)
            faults.Add(new("command.text", "names a parameter by number ($1): write @name, as in parameters."));
        var made = new PostgresCommand(connection) { CommandText = command.Text, IsPlanned = script.IsPlanned && !script.HasNumbered, IsQuery = script.IsQuery && !script.HasNumbered };
        if (!request.ReadOnly && (script.Statements > 1 || script.HasNumbered))
        {
            foreach (var parameter in bound)
                if (parameter is not null)
                    made.Parameters.Add(parameter);
            return made;
        }
        made.CommandText = script.Positional;
        foreach (var place in script.Used)
        {
            if (bound[place] is not { } parameter)
                continue;
            parameter.ParameterName = "";
            made.Parameters.Add(parameter);
        }
        made.SendAsOneMessage();
        return made;
    }

    public static bool HasOutputs(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure && asked.Parameters?.Any(p => p.Direction != ParameterDirection.Input) == true;

    /// <summary>Outputs by name, and those without a column of their name by position.</summary>
    public static List<OutputParameter> ReadOutputs(QueryCommand asked, NpgsqlDataReader row)
    {
        var asksFor = asked.Parameters!.Where(p => p.Direction != ParameterDirection.Input).ToList();
        var names = Enumerable.Range(0, row.FieldCount).Select(row.GetName).ToList();
        var outputs = new List<OutputParameter>();
        foreach (var parameter in asksFor)
        {
            var ordinal = names.FindIndex(n => n.Equals(parameter.Name.TrimStart('@'), StringComparison.OrdinalIgnoreCase));
            if (ordinal < 0)
                ordinal = outputs.Count;
            var value = ordinal < row.FieldCount ? JsonScalar.Read(PostgresValues.WriterFor(row, ordinal), row, ordinal) : null;
            outputs.Add(new(parameter.Name, parameter.Direction, parameter.Type, value, parameter.Size));
        }
        return outputs;
    }

    /// <summary>A plain name folds as PostgreSQL folds it; any other is quoted.</summary>
    static string ArgumentName(CommandParameter parameter)
    {
        var name = parameter.Name.TrimStart('@');
        return name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? name
            : new StringBuilder(name).Replace("\"", "\"\"").Insert(0, '"').Append('"').ToString();
    }
}

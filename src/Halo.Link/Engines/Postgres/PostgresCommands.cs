using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Halo.Link.Results;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>Makes commands: SQL as it stands, procedures as CALL with named arguments.</summary>
static class PostgresCommands
{
    /// <summary>Statements that end a transaction or run outside one, so that a part can be committed although the whole fails.</summary>
    static readonly HashSet<string> CommitThemselves = ["COMMIT", "END", "CALL", "DO", "PREPARE", "VACUUM", "CLUSTER", "REINDEX"];

    /// <summary>Statements that end the transaction in which a command that may only read is held, or write past it.</summary>
    static readonly HashSet<string> LeaveTransaction = ["COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE", "COPY"];

    static readonly HashSet<string> Definitions = ["CREATE", "DROP", "ALTER"];

    public static NpgsqlCommand Create(NpgsqlConnection connection, QueryCommand command, ICollection<FieldError> faults)
    {
        var made = new NpgsqlCommand { Connection = connection };
        var arguments = new List<string>();
        foreach (var parameter in command.Parameters ?? [])
        {
            var isCall = command.Type == CommandType.StoredProcedure;
            if (parameter.Direction == ParameterDirection.ReturnValue)
                faults.Add(parameter, "a procedure of PostgreSQL has no return value.");
            else if (parameter.Direction != ParameterDirection.Input && !isCall)
                faults.Add(parameter, "PostgreSQL has output parameters with stored procedures only.");
            else if (parameter.Direction == ParameterDirection.Output)
                arguments.Add($"{ArgumentName(parameter)} => NULL");
            else if (PostgresParameters.Bind(parameter, isCall ? $"p{made.Parameters.Count}" : parameter.Name.TrimStart('@'), faults) is { } bound)
            {
                made.Parameters.Add(bound);
                arguments.Add($"{ArgumentName(parameter)} => @{bound.ParameterName}");
            }
        }
        made.CommandText = command.Type == CommandType.StoredProcedure
            ? $"CALL {command.Text}({string.Join(", ", arguments)})"
            : command.Text;
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

    /// <summary>Whether a part of it can have been committed although it failed. Otherwise it is one transaction, all or nothing.</summary>
    public static bool CanCommit(QueryCommand asked) => asked.Type == CommandType.StoredProcedure || CanCommit(asked.Text);

    /// <summary>The first statement that would leave a read-only transaction; null: none.</summary>
    public static string? LeavesTransaction(QueryCommand asked) => SqlScript.FirstWords(asked.Text).FirstOrDefault(LeaveTransaction.Contains);

    static bool CanCommit(string text) =>
        SqlScript.FirstWords(text).Any(word => CommitThemselves.Contains(word) || Definitions.Contains(word) && !IsTransactional(text));

    /// <summary>Of what is made and dropped, databases, tablespaces, subscriptions and concurrent indexes alone are outside transactions.</summary>
    static bool IsTransactional(string text) =>
        !text.Contains("database", StringComparison.OrdinalIgnoreCase) && !text.Contains("tablespace", StringComparison.OrdinalIgnoreCase)
            && !text.Contains("concurrently", StringComparison.OrdinalIgnoreCase) && !text.Contains("subscription", StringComparison.OrdinalIgnoreCase)
            && !text.Contains("system", StringComparison.OrdinalIgnoreCase);

    /// <summary>A plain name folds as PostgreSQL folds it; any other is quoted.</summary>
    static string ArgumentName(CommandParameter parameter)
    {
        var name = parameter.Name.TrimStart('@');
        return name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? name
            : new StringBuilder(name).Replace("\"", "\"\"").Insert(0, '"').Append('"').ToString();
    }
}

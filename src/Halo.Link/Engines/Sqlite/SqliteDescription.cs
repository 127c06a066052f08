using System.Globalization;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>What a text would bring, as SQLite says once it has compiled it. Nothing is stepped.</summary>
/// <remarks>A statement that needs what one before it would make cannot be compiled: SQLite says so.</remarks>
static class SqliteDescription
{
    public static DescribedCommand Of(SqliteSession session, QueryCommand command)
    {
        var given = (command.Parameters ?? []).ToLookup(p => p.Name.TrimStart('@'), StringComparer.OrdinalIgnoreCase);
        ResultColumn[] columns = [];
        var parameters = new List<OutputParameter>();
        for (var rest = command.Text; !string.IsNullOrWhiteSpace(rest);)
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(session.Handle!, rest, out var statement, out var tail), session.Handle!);
            using (statement)
            {
                // Nothing but a comment was left.
                if (statement.IsInvalid)
                    break;
                if (columns.Length == 0)
                    columns = ColumnsOf(statement);
                AddParameters(statement, given, parameters);
            }
            rest = tail;
        }
        return new(columns, parameters);
    }

    static ResultColumn[] ColumnsOf(sqlite3_stmt statement)
    {
        var names = ColumnNames.MakeUnique([.. Enumerable.Range(0, raw.sqlite3_column_count(statement)).Select(i => raw.sqlite3_column_name(statement, i).utf8_to_string() ?? "")]);
        return [.. names.Select((name, i) => SqliteColumns.Describe(statement, i, name))];
    }

    static void AddParameters(sqlite3_stmt statement, ILookup<string, CommandParameter> given, List<OutputParameter> parameters)
    {
        for (var i = 1; i <= raw.sqlite3_bind_parameter_count(statement); i++)
        {
            var name = raw.sqlite3_bind_parameter_name(statement, i).utf8_to_string() ?? string.Create(CultureInfo.InvariantCulture, $"?{i}");
            if (parameters.Exists(p => p.Name == name))
                continue;
            var known = given[name.TrimStart('@', ':', '$')].FirstOrDefault();
            parameters.Add(new(name, ParameterDirection.Input, known?.Type, null, null));
        }
    }
}

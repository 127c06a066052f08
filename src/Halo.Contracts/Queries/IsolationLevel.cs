using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>How far the transaction of a batch is kept apart from others, by the names of the SQL standard. A database that has no such level takes the next stricter one.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<IsolationLevel>))]
public enum IsolationLevel
{
    /// <summary>Reads what others have not committed; SQL Server alone, elsewhere as <see cref="ReadCommitted"/>.</summary>
    ReadUncommitted,

    /// <summary>Each statement sees what was committed before it.</summary>
    ReadCommitted,

    /// <summary>What was read once is the same when it is read again.</summary>
    RepeatableRead,

    /// <summary>All of it sees the database as it was at one moment. SQL Server: where the database allows it; PostgreSQL: its REPEATABLE READ.</summary>
    Snapshot,

    /// <summary>As if nothing else ran. SQLite has no other.</summary>
    Serializable,
}

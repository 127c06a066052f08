using System.Data.Common;

namespace Halo.Data;

/// <summary>Fills tables: <c>new HaloDbDataAdapter(command).Fill(table)</c>. Writing goes by commands of your own; there is no command builder.</summary>
public sealed class HaloDbDataAdapter : DbDataAdapter
{
    /// <summary>Creates an adapter without commands.</summary>
    public HaloDbDataAdapter()
    {
    }

    /// <summary>Creates an adapter that fills from a command.</summary>
    public HaloDbDataAdapter(HaloDbCommand selectCommand) => SelectCommand = selectCommand;

    /// <summary>Creates an adapter that fills from a query.</summary>
    public HaloDbDataAdapter(string selectCommandText, HaloDbConnection connection) => SelectCommand = new HaloDbCommand(selectCommandText, connection);
}
